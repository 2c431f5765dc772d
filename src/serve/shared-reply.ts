import { Rcode } from '../wire/codes.ts'
import type { Handler } from './plugin.ts'
import { Outcome, type Query } from './query.ts'

const MAX_MESSAGE = 65_535

/** A failure this slow was a timeout: who joined late still has time for another try. */
const SLOW_FAILURE_MS = 1_000

/**
 * A reply that several clients get. Finishing the reply of the one that was asked for changes it, so the
 * others copy from here.
 */
export class SharedReply {
  /** Made when it first happens; the extended errors' texts stand behind the message. */
  #octets: Buffer | null = null
  #length = 0
  #told = 0
  #ede = 0
  #answeredBy = ''
  #upstream = ''

  /** Keeps the reply of `leader`, before that is finished; what was kept before is forgotten. */
  take({ answeredBy, ede, errors, out, outLength, upstream }: Query): void {
    this.#octets ??= Buffer.allocUnsafeSlow(MAX_MESSAGE)
    this.#length = outLength
    this.#ede = ede
    this.#answeredBy = answeredBy
    this.#upstream = upstream
    this.#told = outLength + errors.size <= MAX_MESSAGE ? errors.size : 0
    out.copy(this.#octets, 0, 0, outLength)
    errors.from.copy(this.#octets, outLength, errors.at, errors.at + this.#told)
  }

  /** Makes it the reply of `waiter`, which is still to be finished. Only after `take()`. */
  give(waiter: Query): void {
    const octets = this.#octets!
    octets.copy(waiter.reserve(), 0, 0, this.#length)
    waiter.outLength = this.#length
    waiter.outcome = Outcome.Message
    waiter.ede = this.#ede
    waiter.answeredBy = this.#answeredBy
    waiter.upstream = this.#upstream
    waiter.errors.set(octets, this.#length, this.#told)
  }
}

/** A defect has kept their answer from them. */
export function failAll(all: readonly Query[], done: Handler): void {
  for (const q of all) {
    q.fail(Rcode.ServFail)
    done(q)
  }
}

/**
 * Those who waited for `leader` fail as it did, but for the ones returned: they joined a slow question so
 * late that their own resolvers will wait long enough for a second try.
 *
 * @param took milliseconds that the failure took; 0 where it was a second try
 */
export function failWaiters(
  waiters: readonly Query[],
  leader: Query,
  took: number,
  now: number,
  done: Handler,
): Query[] {
  const late: Query[] = []
  for (const waiter of waiters) {
    const left = waiter.patience - (now - waiter.receivedAt)
    if (took >= SLOW_FAILURE_MS && left >= SLOW_FAILURE_MS) {
      late.push(waiter)
      continue
    }
    waiter.outcome = leader.outcome
    waiter.rcode = leader.rcode
    waiter.ede = leader.ede
    waiter.error = leader.error
    waiter.answeredBy = leader.answeredBy
    waiter.upstream = leader.upstream
    done(waiter)
  }
  return late
}
