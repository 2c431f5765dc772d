import type { Entry } from './entry.ts'

/** Entries that were asked for again and are passed by at a time: no query waits for more. */
const PASSED_AT_ONCE = 64
/** Slots for each entry there may be: the rest is for those that left out of their turn. */
const SLOTS = 1.5

/**
 * The entries of a store that nobody has asked for a second time, in the order in which they came, and so the
 * order in which they go. A million names that are asked for once each displace one another here; what is asked
 * for again stays. Hits are not told of: who is next to go is looked at then.
 *
 *     …[ g ]    [   ][ a ][ b ][ - ][ c ]…    - left, asked for again or replaced
 *          ↑ end       ↑ first, `span` slots before the end: a ring
 */
export class Newcomers {
  /** Those there are, some of which may have been asked for again, and their bytes. */
  count = 0
  bytes = 0
  readonly #peek: (hash: number) => Entry | undefined
  /** Hashes by slot: valid where the entry of that hash has this slot. */
  #hashes: Int32Array<ArrayBuffer> = new Int32Array(0)
  #first = 0
  #span = 0

  /** @param peek finds an entry without using it */
  constructor(peek: (hash: number) => Entry | undefined) {
    this.#peek = peek
  }

  /** Room for those of a store of `max` entries. */
  resize(max: number): void {
    this.#tidy(new Int32Array(Math.ceil(SLOTS * max)))
  }

  /** There must be room for one more entry in the store. */
  add(entry: Entry, hash: number, bytes: number): void {
    if (this.#span === this.#hashes.length) this.#tidy(new Int32Array(this.#hashes.length))
    entry.slot = this.#slot(this.#span++)
    this.#hashes[entry.slot] = hash
    this.count++
    this.bytes += bytes
  }

  /** `entry`, one of these, is none any more. */
  leave(entry: Entry, bytes: number): void {
    entry.slot = -1
    this.count--
    this.bytes -= bytes
  }

  /**
   * The hash of the oldest that nobody has asked for again, which is to go; those before it are told of by
   * `stays`, and leave. Null where too many came before it, or there is none.
   */
  next(stays: (entry: Entry) => void): number | null {
    for (let passed = 0; this.#span > 0; this.#pass()) {
      const hash = this.#hashes[this.#first]!
      const entry = this.#peek(hash)
      if (entry === undefined || entry.slot !== this.#first) continue
      if (entry.hits === 0) return hash
      if (passed++ === PASSED_AT_ONCE) return null
      stays(entry)
    }
    return null
  }

  /** Where the `place`th after the first stands. */
  #slot(place: number): number {
    const slot = this.#first + place
    return slot < this.#hashes.length ? slot : slot - this.#hashes.length
  }

  #pass(): void {
    this.#first = this.#slot(1)
    this.#span--
  }

  #tidy(hashes: Int32Array<ArrayBuffer>): void {
    let end = 0
    for (; this.#span > 0; this.#pass()) {
      const hash = this.#hashes[this.#first]!
      const entry = this.#peek(hash)
      if (entry === undefined || entry.slot !== this.#first) continue
      hashes[end] = hash
      entry.slot = end++
    }
    this.#hashes = hashes
    this.#first = 0
    this.#span = end
  }
}
