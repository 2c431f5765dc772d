import { LRUCache } from 'lru-cache'
import { NO_SLOT } from './slot-chains.ts'

/** lru-cache makes an object for each call that is given none, and writes into the one it gets. */
const noOptions: LRUCache.GetOptions<number, number, unknown> = {}

/**
 * The numbers 0 … capacity − 1 in the order of their use, which lru-cache keeps. A slot that was taken
 * once stays in lru-cache for good, taken or given back: leaving and entering its map for each new
 * entry would cost as much as building a reply.
 */
export class Slots {
  readonly #capacity: number
  readonly #lru: LRUCache<number, number>
  /** What lru-cache knows of its order, to be read only: its `pop()` would take the slot out. */
  readonly #order: { readonly head: number; readonly keyList: readonly (number | undefined)[] }
  readonly #taken: Uint8Array
  readonly #free: number[] = []

  /** @param capacity at least 1 */
  constructor(capacity: number) {
    this.#capacity = capacity
    this.#lru = new LRUCache<number, number>({ max: capacity })
    this.#order = LRUCache.unsafeExposeInternals(this.#lru)
    this.#taken = new Uint8Array(capacity)
  }

  /** Slots that are taken. */
  get size(): number {
    return this.#lru.size - this.#free.length
  }

  /** A free slot, now taken and the most recently used; NO_SLOT where all are taken. */
  take(): number {
    const { size } = this.#lru
    const slot = this.#free.pop() ?? (size < this.#capacity ? size : NO_SLOT)
    if (slot === NO_SLOT) return NO_SLOT
    if (slot === size) this.#lru.set(slot, slot, noOptions)
    else this.touch(slot)
    this.#taken[slot] = 1
    return slot
  }

  /** Makes a taken slot the most recently used. */
  touch(slot: number): void {
    this.#lru.get(slot, noOptions)
  }

  /** Frees a taken slot. */
  give(slot: number): void {
    this.#taken[slot] = 0
    this.#free.push(slot)
  }

  /** The taken slot that was not used for longest; NO_SLOT where none is taken. */
  oldest(): number {
    if (this.size === 0) return NO_SLOT
    for (;;) {
      const slot = this.#order.keyList[this.#order.head]!
      if (this.#taken[slot] === 1) return slot
      // A free one: out of the way from now on.
      this.touch(slot)
    }
  }

  isTaken(slot: number): boolean {
    return this.#taken[slot] === 1
  }

  /** The `max` taken slots used last (fewer where there are fewer), the most recent at the end. */
  recent(max: number): Int32Array {
    const slots = new Int32Array(Math.min(max, this.size))
    let at = slots.length
    for (const slot of this.#lru.keys()) {
      if (at === 0) break
      if (this.isTaken(slot)) slots[--at] = slot
    }
    return slots
  }

  /** Taken slots, in no order. None may be taken or given back meanwhile but the current one. */
  *[Symbol.iterator](): Generator<number> {
    for (let slot = 0; slot < this.#lru.size; slot++) if (this.#taken[slot] === 1) yield slot
  }
}
