/** No entry. */
export const NO_SLOT = -1

/**
 * Slots of one chain: of a fair hash not one chain in a thousand million gets there. Whoever makes hashes
 * collide pays with entries, and a look-up stays short.
 */
export const MAX_CHAIN = 16

/** What a table without slots looks into; never written to. */
const noBuckets: Int32Array = Int32Array.of(NO_SLOT)
const noSlots: Int32Array = new Int32Array(0)

/**
 * Finds the slots of a store by a hash: those of the same bucket form a chain.
 *
 *   hash ─▶ buckets ─▶ slot ─▶ next slot of the same bucket … ─▶ NO_SLOT
 *
 * There is at least one bucket for each slot, so chains are short. No chain is longer than MAX_CHAIN if
 * every `link()` is preceded by the removal of `surplus()`.
 */
export class SlotChains {
  #buckets: Int32Array = noBuckets
  #next: Int32Array = noSlots
  /** The hash of each slot that is in a chain. */
  #hash: Int32Array = noSlots

  /** Makes room for slots 0 … `slots` − 1, more than before; `isLinked` tells which are in a chain. */
  grow(slots: number, isLinked: (slot: number) => boolean): void {
    const before = this.#next.length
    const hash = new Int32Array(slots)
    hash.set(this.#hash)
    this.#hash = hash
    this.#next = new Int32Array(slots)
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(slots))).fill(NO_SLOT)
    for (let slot = 0; slot < before; slot++) if (isLinked(slot)) this.link(slot, hash[slot]!)
  }

  /** The first slot that may have this hash, or NO_SLOT. */
  first(hash: number): number {
    return this.#buckets[hash & (this.#buckets.length - 1)]!
  }

  /** The slot after this one in its chain, or NO_SLOT. */
  next(slot: number): number {
    return this.#next[slot]!
  }

  /** Whether a slot that is in a chain was put there under this hash. */
  has(slot: number, hash: number): boolean {
    return this.#hash[slot] === hash
  }

  /** The last slot of the chain of `hash` where it has MAX_CHAIN of them, else NO_SLOT. */
  surplus(hash: number): number {
    let slot = this.first(hash)
    for (let left = MAX_CHAIN - 1; left > 0 && slot !== NO_SLOT; left--) slot = this.#next[slot]!
    return slot
  }

  /** Puts a slot that is in no chain at the head of the chain of `hash`. */
  link(slot: number, hash: number): void {
    const bucket = hash & (this.#buckets.length - 1)
    this.#hash[slot] = hash
    this.#next[slot] = this.#buckets[bucket]!
    this.#buckets[bucket] = slot
  }

  /** Takes a slot out of the chain that it is in. */
  unlink(slot: number): void {
    const bucket = this.#hash[slot]! & (this.#buckets.length - 1)
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
