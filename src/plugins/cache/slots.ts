import { LRUCache } from 'lru-cache'
import { NO_SLOT } from './slot-chains.ts'

/** lru-cache makes an object for each call that is given none, and writes into the one it gets. */
const noOptions: LRUCache.GetOptions<number, number, unknown> = {}
const ofSizeOne: LRUCache.SetOptions<number, number, unknown> = { size: 1 }
const ofNoSize: LRUCache.SetOptions<number, number, unknown> = {}

const noSlots: Uint8Array = new Uint8Array(0)

/** Slots that there is room for at first. */
const FIRST_ROOM = 16
/** Few steps at first, because what a table leaves when it grows is collected late; then doubled. */
const LARGE_ROOM = 2048
/** Up to so many slots lru-cache is told how many there are: to begin anew with more takes a millisecond. */
const MAX_EXACT = 16_384

/**
 * The numbers 0 … capacity − 1 in the order of their use, which lru-cache keeps. A slot that was taken
 * once stays in lru-cache for good, taken or given back: leaving and entering its map for each new
 * entry would cost as much as building a reply.
 *
 * Memory grows with the slots that were in use at once. lru-cache allocates for all that it is told to hold
 * (`max`): it holds what there is room for, and another one takes its place when that is more. Large ones
 * are not moved any more: bounded by `maxSize` lru-cache grows of itself, in arrays twice as large.
 */
export class Slots {
  readonly #capacity: number
  /** Null until a slot is taken: many caches never hold anything. */
  #lru: LRUCache<number, number> | null = null
  /** What lru-cache knows of its order, to be read only: its `pop()` would take the slot out. */
  #order: { readonly head: number; readonly keyList: readonly (number | undefined)[] } | null = null
  /** Whether lru-cache knows how many it has to hold. */
  #isExact = true
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
    const size = this.#lru?.size ?? 0
    const slot = this.#free.pop() ?? (size < this.#capacity ? size : NO_SLOT)
    if (slot === NO_SLOT) return NO_SLOT
    if (slot === this.room) this.#grow()
    if (slot === size) this.#lru!.set(slot, slot, this.#isExact ? ofNoSize : ofSizeOne)
    else this.touch(slot)
    this.#taken[slot] = 1
    return slot
  }

  #grow(): void {
    const room = nextRoom(this.room, this.#capacity)
    const taken = new Uint8Array(room)
    taken.set(this.#taken)
    this.#taken = taken
    if (!this.#isExact) return
    this.#isExact = room <= MAX_EXACT
    const bound = this.#isExact ? { max: room } : { maxSize: this.#capacity }
    const lru = new LRUCache<number, number>(bound)
    const options = this.#isExact ? ofNoSize : ofSizeOne
    for (const slot of this.#lru?.rkeys() ?? []) lru.set(slot, slot, options)
    this.#lru = lru
    this.#order = LRUCache.unsafeExposeInternals(lru)
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

function nextRoom(room: number, capacity: number): number {
  const next = room === 0 ? FIRST_ROOM : room * (room < LARGE_ROOM ? 8 : 2)
  return 2 * next > capacity ? capacity : next
}
