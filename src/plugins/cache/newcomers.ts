import { HashChains } from '../../lib/hash-chains.ts'
import { Link } from '../../lib/ring.ts'
import type { Entry } from './entry.ts'

/**
 * The entries of a store that nobody has asked for a second time, in the order in which they came, and so the
 * order in which they go. A million names that are asked for once each displace one another here; what is asked
 * for again leaves for lru-cache, which the others cost nothing.
 *
 *     ring ⇄ a ⇄ b ⇄ c ⇄ ring      a is the oldest
 */
export class Newcomers {
  /** What they take of the byte budget. */
  bytes = 0
  readonly #ring = new Link()
  readonly #byHash = new HashChains<Entry>()

  get count(): number {
    return this.#byHash.count
  }

  /** The one of this hash; null where there is none. */
  find(hash: number): Entry | null {
    let entry = this.#byHash.first(hash)
    while (entry !== null && entry.hash !== hash) entry = entry.behind
    return entry
  }

  /** Adds an entry whose hash is not there. */
  add(entry: Entry, bytes: number): void {
    this.#ring.append(entry)
    this.#byHash.add(entry)
    this.bytes += bytes
  }

  /** `entry`, one of these, is none any more. */
  remove(entry: Entry, bytes: number): void {
    entry.leave()
    this.#byHash.remove(entry)
    this.bytes -= bytes
  }

  /** The one that came first; null where there are none. */
  get oldest(): Entry | null {
    return this.#ring.next === this.#ring ? null : (this.#ring.next as Entry)
  }

  /** All of them, the youngest first. */
  *[Symbol.iterator](): Generator<Entry, undefined> {
    for (let at = this.#ring.previous; at !== this.#ring; at = at.previous) yield at as Entry
  }
}
