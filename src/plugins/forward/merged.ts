import type { Clock } from '../../lib/clock.ts'
import type { Handler } from '../../serve/plugin.ts'
import { Outcome, Protocol, type Query } from '../../serve/query.ts'
import { failAll, failWaiters, SharedReply } from '../../serve/shared-reply.ts'
import { Flag, Type } from '../../wire/codes.ts'
import { MAX_NAME } from '../../wire/name.ts'
import { keySize, writeKey } from '../../wire/question-key.ts'
import { TYPE_AND_CLASS } from '../../wire/question.ts'

/** The longest key: an octet for the bits that tell answers apart, name, type and class. */
const keyed = Buffer.alloc(1 + MAX_NAME + TYPE_AND_CLASS)

/** A question under way without a cache in front, and who waits for its answer beside the one asked for. */
class Merged {
  readonly table: MergedQuestions
  readonly key: string
  readonly startedAt: number
  readonly waiters: Query[]
  /** True for a second try on behalf of waiters: its failure is theirs. */
  readonly isRetry: boolean

  constructor(
    table: MergedQuestions,
    key: string,
    startedAt: number,
    waiters: Query[],
    isRetry: boolean,
  ) {
    this.table = table
    this.key = key
    this.startedAt = startedAt
    this.waiters = waiters
    this.isRetry = isRetry
  }
}

export interface MergedParts {
  readonly clock: Clock
  /** Asks for a kept query. */
  readonly ask: Handler
  readonly done: Handler
}

/**
 * Equal questions in flight are one, for blocks without a cache that merges them: each further one would be
 * another chance to guess an id and a port (RFC 5452 §5). A question is told from another by name, type,
 * class and what else goes upstream: DO, CD, RD and EDNS options; and by the client's transport, for an
 * upstream need not take TCP.
 */
export class MergedQuestions {
  readonly #parts: MergedParts
  /** V8 hashes strings with a seed of the process's own. */
  readonly #byKey = new Map<string, Merged>()
  readonly #shared = new SharedReply()

  constructor(parts: MergedParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#byKey.size
  }

  /**
   * Asks for a client, or lets it wait for who asked before. HINFO always goes on: by that others search
   * for forwarding loops.
   */
  ask(q: Query): void {
    if (q.question.type === Type.HINFO) {
      this.#askAlone(q.keep())
      return
    }
    const key = keyOf(q)
    const merged = this.#byKey.get(key)
    if (merged === undefined) this.#begin(key, q.keep(), [], false)
    else merged.waiters.push(q.keep())
  }

  #askAlone(q: Query): void {
    try {
      this.#parts.ask(q)
    } catch (cause) {
      q.release()
      throw cause
    }
  }

  /** Takes a query that comes back; true where it was one of ours, and has been answered with all others. */
  static end(q: Query): boolean {
    if (!(q.memo instanceof Merged)) return false
    const merged = q.memo
    q.memo = null
    merged.table.#land(merged, q)
    return true
  }

  #begin(key: string, leader: Query, waiters: Query[], isRetry: boolean): void {
    const merged = new Merged(this, key, this.#parts.clock.now, waiters, isRetry)
    leader.memo = merged
    this.#byKey.set(key, merged)
    try {
      this.#parts.ask(leader)
    } catch (cause) {
      // A defect below: nobody may wait for an answer that will not come.
      if (leader.memo === merged) this.#giveUp(merged, leader)
      throw cause
    }
  }

  /** The client of the first try is answered by whoever catches the defect, those of a second one by nobody else. */
  #giveUp({ isRetry, key, waiters }: Merged, leader: Query): void {
    this.#byKey.delete(key)
    leader.memo = null
    if (isRetry) failAll([leader, ...waiters], this.#parts.done)
    else leader.release()
  }

  #land(merged: Merged, leader: Query): void {
    this.#byKey.delete(merged.key)
    if (merged.waiters.length === 0) this.#parts.done(leader)
    else if (leader.outcome === Outcome.Message) this.#share(merged, leader)
    else this.#fail(merged, leader)
  }

  #share({ waiters }: Merged, leader: Query): void {
    this.#shared.take(leader)
    this.#parts.done(leader)
    for (const waiter of waiters) {
      this.#shared.give(waiter)
      this.#parts.done(waiter)
    }
  }

  /** All fail, but for those who joined a slow one late: for them it is asked once more. */
  #fail(merged: Merged, leader: Query): void {
    const { clock, done } = this.#parts
    const { now } = clock
    const took = merged.isRetry ? 0 : now - merged.startedAt
    const [first, ...others] = failWaiters(merged.waiters, leader, took, now, done)
    done(leader)
    if (first !== undefined) this.#begin(merged.key, first, others, true)
  }
}

function keyOf({ edns, flags, options, question, target, wire }: Query): string {
  const desired = ((flags & Flag.CD) !== 0 ? 2 : 0) | (target.protocol === Protocol.Tcp ? 8 : 0)
  keyed[0] = desired | (edns.dnssecOk ? 1 : 0) | ((flags & Flag.RD) !== 0 ? 4 : 0)
  writeKey(keyed, 1, wire, question)
  const key = keyed.toString('latin1', 0, 1 + keySize(question))
  return options === null ? key : key + options.toString('latin1')
}
