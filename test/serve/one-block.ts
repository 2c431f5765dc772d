import { composeChain, type NamedStage } from '../../src/serve/chain.ts'
import { makeFinish } from '../../src/serve/finish.ts'
import type { Stage } from '../../src/serve/plugin.ts'
import { type Observer, Outcome, type Query } from '../../src/serve/query.ts'
import { Server } from '../../src/serve/server.ts'
import { Rcode } from '../../src/wire/codes.ts'
import { message, type TestMessage } from '../wire/message.ts'

/**
 * A server whose one block takes every name and class.
 *
 * @param panicked told of a stage that threw, which else fails the test
 */
export function serverOf(
  stages: readonly NamedStage[],
  observers: Observer[] = [],
  panicked: (cause: unknown) => void = rethrow,
): Server {
  return new Server({
    identity: { name: 'dns://127.0.0.1:53', index: 0 },
    zones: new Map([['.', { handler: composeChain(stages, makeFinish(observers), panicked) }]]),
    allClasses: true,
    rejected: () => {},
    panicked,
  })
}

function rethrow(cause: unknown): never {
  throw cause
}

/** The last stage of a block: holds what it is asked until the test answers. */
export class ScriptedUpstream {
  readonly asked: Query[] = []
  /** Answers at once with this, if set. */
  instant: ((q: Query) => void) | null = null
  done: (q: Query) => void = () => {}

  get stage(): Stage {
    return {
      wrap: (_next, done) => {
        this.done = done
        return (q) => {
          if (this.instant !== null) this.instant(q)
          else this.asked.push(q.keep())
        }
      },
    }
  }

  /** Answers the oldest question with a message (its question is the query's own). */
  answer(m: TestMessage): void {
    this.answerTo(this.asked.shift()!, m)
  }

  answerTo(q: Query, m: TestMessage): void {
    this.deliver(q, message(m))
  }

  deliver(q: Query, wire: Buffer): void {
    wire.copy(q.reserve())
    q.outLength = wire.length
    q.outcome = Outcome.Message
    q.answeredBy = 'forward'
    this.done(q)
  }

  /** Fails the oldest question, as forward does when no upstream answers. */
  fail(rcode: number = Rcode.ServFail): void {
    const q = this.asked.shift()!
    q.fail(rcode, 'no upstream')
    this.done(q)
  }
}
