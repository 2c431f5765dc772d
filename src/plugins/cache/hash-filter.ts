/** Places for each entry there may be: of six hashes that are not there, one finds its place taken. */
const PLACES = 4
/** A place that has ever held so many counts for ever: how many are left is not known any more. */
const FULL = 255

/**
 * What tells of most questions that a store has no answer to them, by one octet: each look-up in a table of ten
 * thousand entries waits for memory, and a miss would look four times in vain. A counting Bloom filter of one hash
 * function, by the last bits of a hash that nobody can foretell.
 */
export class HashFilter {
  /** Entries that it is made for; 0: nothing may be added. */
  readonly capacity: number
  readonly #counts: Uint8Array
  readonly #mask: number

  constructor(capacity: number) {
    this.capacity = capacity
    this.#counts = new Uint8Array(2 ** Math.ceil(Math.log2(Math.max(PLACES * capacity, 1))))
    this.#mask = this.#counts.length - 1
  }

  /** False where nothing of this hash has been added that was not removed. */
  mayHold(hash: number): boolean {
    return this.#counts[hash & this.#mask] !== 0
  }

  add(hash: number): void {
    const place = hash & this.#mask
    if (this.#counts[place]! < FULL) this.#counts[place]!++
  }

  /** Takes out one that was added. */
  remove(hash: number): void {
    const place = hash & this.#mask
    if (this.#counts[place]! < FULL) this.#counts[place]!--
  }
}

/** Of all stores without an entry: of a thousand blocks most never have one. */
export const nothingThere: HashFilter = new HashFilter(0)
