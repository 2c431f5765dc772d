import { LRUCache } from 'lru-cache'
import { NO_SLOT } from './slot-chains.ts'

/** lru-cache makes an object for each call that is given none, and writes into the one it gets. */
const noOptions: LRUCache.GetOptions<number, number, unknown> = {}
const ofSizeOne: LRUCache.SetOptions<number, number, unknown> = { size: 1 }

const noSlots: Uint8Array = new Uint8Array(0)

/** Slots that there is room for at first. */
const FIRST_ROOM = 16

/**
 * The numbers 0 … capacity − 1 in the order of their use, which lru-cache keeps. A slot that was taken
 * once stays in lru-cache for good, taken or given back: leaving and entering its map for each new
 * entry would cost as much as building a reply.
 *
 * Memory grows with the slots that were in use at once: lru-cache is bounded by `maxSize`, for which it
 * allocates nothing beforehand, as it does for `max`.
 */
export class Slots {
  readonly #capacity: number
  /** Null until a slot is taken: many caches never hold anything. */
  #lru: LRUCache<number, number> | null = null
  /** What lru-cache knows of its order, to be read only: its `pop()` would take the slot out. */
  #order: { readonly head: number; readonly keyList: readonly (number | undefined)[] } | null = null
  #taken: Uint8Array = noSlots
  readonly #free: number[] = []

  /** @param capacity at least 1 */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Slots that are taken. */
  get size(): number {
    return (this.#lru?.size ?? 0) - this.#free.length
  }

  /** A free slot, now taken and the most recently used; NO_SLOT where all are taken. */
  take(): number {
    const lru = (this.#lru ??= this.#open())
    const { size } = lru
    const slot = this.#free.pop() ?? (size < this.#capacity ? size : NO_SLOT)
    if (slot === NO_SLOT) return NO_SLOT
    if (slot === this.#taken.length) this.#grow()
    if (slot === size) lru.set(slot, slot, ofSizeOne)
    else this.touch(slot)
    this.#taken[slot] = 1
    return slot
  }

  #open(): LRUCache<number, number> {
    const lru = new LRUCache<number, number>({ maxSize: this.#capacity })
    this.#order = LRUCache.unsafeExposeInternals(lru)
    return lru
  }

  #grow(): void {
    const taken = new Uint8Array(Math.min(this.#capacity, Math.max(FIRST_ROOM, 2 * this.room)))
    taken.set(this.#taken)
    this.#taken = taken
  }

  /** Slots that there is room for by now; those taken are all below. */
  get room(): number {
    return this.#taken.length
  }

  /** Makes a taken slot the most recently used. */
  touch(slot: number): void {
    this.#lru!.get(slot, noOptions)
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
      const slot = this.#order!.keyList[this.#order!.head]!
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
    for (const slot of this.#lru?.keys() ?? []) {
      if (at === 0) break
      if (this.isTaken(slot)) slots[--at] = slot
    }
    return slots
  }

  /** Taken slots, in no order. None may be taken or given back meanwhile but the current one. */
  *[Symbol.iterator](): Generator<number> {
    for (let slot = 0; slot < this.room; slot++) if (this.#taken[slot] === 1) yield slot
  }
}
