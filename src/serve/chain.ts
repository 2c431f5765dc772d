import { Rcode } from '../wire/codes.ts'
import type { Handler, Stage } from './plugin.ts'

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
 */
export function composeChain(stages: readonly NamedStage[], finish: Handler): Handler {
  const dones: Handler[] = []
  let done = finish
  for (const { stage } of stages) {
    dones.push(done)
    done = stage.unwrap?.(done) ?? done
  }
  let handler = endOfChain(stages, done)
  for (let i = stages.length - 1; i >= 0; i--) {
    handler = stages[i]!.stage.wrap?.(handler, dones[i]!) ?? handler
  }
  return handler
}

/** A block without handlers refuses; a chain whose last handler passes the query on fails. */
function endOfChain(stages: readonly NamedStage[], done: Handler): Handler {
  const last = stages.findLast(({ stage }) => stage.wrap !== undefined)
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
