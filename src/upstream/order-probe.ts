import type { Clock } from '../lib/clock.ts'
import { Type } from '../wire/codes.ts'
import { makeQuery } from '../wire/query.ts'
import { parseQuestion, Question } from '../wire/question.ts'
import { Exchange, type ExchangeHost, type ExchangeOwner } from './exchange.ts'
import type { Pipelining } from './pipelining.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

/** The name servers of the root, recursion not desired: any server has an answer at hand, if a refusal. */
const query: Buffer = makeQuery(0, 0, '.', Type.NS)!
const question: Question = new Question()
parseQuestion(query, query.length, question)

const PATIENCE_MS = 2000

/** Nobody waits for the answer. */
const nobody: ExchangeOwner & Omit<ExchangeHost, 'received'> = {
  replied: () => true,
  truncated: () => {},
  delayed: () => {},
  failed: () => {},
  lost: () => {},
  expired: () => {},
  beaten: () => {},
  cancelled: () => {},
}

/**
 * Finds out whether an upstream answers in order, before many connections are opened because of that: a
 * harmless query behind a late one overtakes it, or does not. unbound takes ten connections and leaves the
 * others in the kernel's queue, where queries are lost for seconds. Alone on a connection it tells only whether the
 * upstream has accepted that.
 */
export class OrderProbe {
  readonly exchange: Exchange = new Exchange(nobody)
  #on: UpstreamConnection | null = null
  /** Answers its connection will have given when all older queries have theirs; 0: there is none of these. */
  #due = 0

  constructor(pipelining: Pipelining, clock: Clock) {
    const x = this.exchange
    x.query = query
    x.question = question
    x.edns = false
    const received = (): void => {
      const c = this.#on!
      // An older query's answer has not come, wanted or not.
      if (this.#due === 0) return
      if (c.answers <= this.#due) pipelining.overtaken(clock.now, false)
      else pipelining.keptOrder(clock.now, c.answeredAt - x.sentAt)
    }
    x.host = { ...nobody, received }
  }

  get isUnderWay(): boolean {
    return this.exchange.carrier !== null
  }

  /** Asks on `c`, behind its late query if there is one, unless one is under way. True where it was sent now. */
  send(c: UpstreamConnection): boolean {
    if (this.isUnderWay || !c.hasRoom) return false
    this.#on = c
    this.#due = c.owed > 0 ? c.answers + c.owed : 0
    c.send(this.exchange)
    return true
  }

  /** Waits no longer than two seconds for the answer. */
  giveUp(now: number): void {
    const x = this.exchange
    if (now - x.sentAt > PATIENCE_MS) x.carrier?.cancel(x)
  }
}

/** `all` without probes, which nobody waits for. */
export function withoutProbes(all: readonly Exchange[]): Exchange[] {
  return all.filter(({ owner }) => owner !== nobody)
}
