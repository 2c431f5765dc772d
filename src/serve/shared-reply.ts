import { Outcome, type Query } from './query.ts'

const MAX_MESSAGE = 65_535

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

  /** Keeps the reply of `leader`, before that is finished; what was kept before is forgotten. */
  take({ ede, errors, out, outLength }: Query): void {
    this.#octets ??= Buffer.allocUnsafeSlow(MAX_MESSAGE)
    this.#length = outLength
    this.#ede = ede
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
    waiter.errors.set(octets, this.#length, this.#told)
  }
}
