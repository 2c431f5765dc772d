/** No entry. */
export const NO_SLOT = -1

/**
 * Finds the slots of a store by a hash: those of the same bucket form a chain.
 *
 *   hash ─▶ buckets ─▶ slot ─▶ next slot of the same bucket … ─▶ NO_SLOT
 *
 * There is at least one bucket for each slot, so chains are short.
 */
export class SlotChains {
  readonly #buckets: Int32Array
  readonly #next: Int32Array

  /** @param slots slots are numbered from 0 to one less than this */
  constructor(slots: number) {
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(slots))).fill(NO_SLOT)
    this.#next = new Int32Array(slots)
  }

  /** The first slot that may have this hash, or NO_SLOT. */
  first(hash: number): number {
    return this.#buckets[hash & (this.#buckets.length - 1)]!
  }

  /** The slot after this one in its chain, or NO_SLOT. */
  next(slot: number): number {
    return this.#next[slot]!
  }

  /** Puts a slot that is in no chain at the head of the chain of `hash`. */
  link(slot: number, hash: number): void {
    const bucket = hash & (this.#buckets.length - 1)
    this.#next[slot] = this.#buckets[bucket]!
    this.#buckets[bucket] = slot
  }

  /** Takes a slot out of the chain of `hash`, which it is in. */
  unlink(slot: number, hash: number): void {
    const bucket = hash & (this.#buckets.length - 1)
    const first = this.#buckets[bucket]!
    if (first === slot) {
      this.#buckets[bucket] = this.#next[slot]!
      return
    }
    let before = first
    while (this.#next[before] !== slot) before = this.#next[before]!
    this.#next[before] = this.#next[slot]!
  }
}
