import { Rcode } from '../wire/codes.ts'
import type { Handler, Stage } from './plugin.ts'
import type { Query } from './query.ts'

export interface NamedStage {
  readonly name: string
  readonly stage: Stage
}

/**
 * Composes a server block's chain once, so that serving a query makes no closure.
 *
 *   query ─▶ wrap₁ ─▶ wrap₂ ─▶ … ─▶ nobody
 *                 ╲       ╲
 *   finish ◀─ unwrap₁ ◀─ unwrap₂ ◀─ …          each stage's `done` starts at the stage above it
 *
 * @param finish sends the reply and tells the observers
 * @param panicked told of a stage or observer that threw on the way up; throws on where absent
 */
export function composeChain(
  stages: readonly NamedStage[],
  finish: Handler,
  panicked: (cause: unknown, q: Query) => void = rethrow,
): Handler {
  const dones: Handler[] = []
  let done = guard(finish, finish, panicked)
  for (const { stage } of stages) {
    dones.push(done)
    if (stage.unwrap !== undefined) done = guard(stage.unwrap(done), finish, panicked)
  }
  let handler = endOfChain(stages, done)
  for (let i = stages.length - 1; i >= 0; i--) {
    handler = stages[i]!.stage.wrap?.(handler, dones[i]!) ?? handler
  }
  return handler
}

/**
 * Outcomes that come later enter the chain from a socket's callback, where nobody else would catch
 * what a stage throws: this client gets SERVFAIL, and the callback goes on with the next reply.
 */
function guard(
  unwrapped: Handler,
  finish: Handler,
  panicked: (cause: unknown, q: Query) => void,
): Handler {
  return (q) => {
    try {
      unwrapped(q)
    } catch (cause) {
      panicked(cause, q)
      if (q.finished) return
      q.fail(Rcode.ServFail)
      finish(q)
    }
  }
}

function rethrow(cause: unknown): never {
  throw cause
}

/** Whether queries pass the stage. In CoreDNS those that only look on, such as `log`, are handlers too. */
export function isHandler(stage: Stage): boolean {
  return (['wrap', 'unwrap', 'observe'] as const).some((hook) => stage[hook] !== undefined)
}

/** A block without handlers refuses; a chain whose last handler passes the query on fails. */
function endOfChain(stages: readonly NamedStage[], done: Handler): Handler {
  const last = stages.findLast(({ stage }) => isHandler(stage))
  if (last === undefined) {
    return (q) => {
      q.fail(Rcode.Refused)
      done(q)
    }
  }
  const error = `plugin/${last.name}: no next plugin found`
  return (q) => {
    q.fail(Rcode.ServFail, error)
    done(q)
  }
}
