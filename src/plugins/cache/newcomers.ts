import { Link } from '../../lib/ring.ts'
import type { Entry } from './entry.ts'

/** Entries that were asked for again and are passed by at a time: no query waits for more. */
const PASSED_AT_ONCE = 64

/**
 * The entries of a store that nobody has asked for a second time, in the order in which they came, and so the
 * order in which they go. A million names that are asked for once each displace one another here; what is asked
 * for again stays. Hits are not told of: who is next to go is looked at then.
 *
 *     ring ⇄ a ⇄ b ⇄ c ⇄ ring      a is the oldest; some may have been asked for again
 */
export class Newcomers {
  /** Those there are, some of which may have been asked for again, and their bytes. */
  count = 0
  bytes = 0
  readonly #ring = new Link()

  add(entry: Entry, bytes: number): void {
    this.#ring.append(entry)
    this.count++
    this.bytes += bytes
  }

  /** `entry`, one of these, is none any more. */
  leave(entry: Entry, bytes: number): void {
    entry.leave()
    this.count--
    this.bytes -= bytes
  }

  /**
   * The oldest that nobody has asked for again, which is to go; those before it are told of by `stays`, which
   * lets them leave. Null where too many came before it, or there is none.
   */
  next(stays: (entry: Entry) => void): Entry | null {
    for (let passed = 0; passed <= PASSED_AT_ONCE; passed++) {
      if (this.#ring.next === this.#ring) return null
      const entry = this.#ring.next as Entry
      if (entry.hits === 0) return entry
      if (passed < PASSED_AT_ONCE) stays(entry)
    }
    return null
  }
}
