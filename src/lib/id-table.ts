import { randomInt } from 'node:crypto'

/** No slot. */
const NONE = -1

/**
 * The 16-bit ids of the exchanges in flight on one connection: taking, finding and giving back an id
 * are O(1), and allocate nothing but for slots that were never needed before: most connections need few.
 *
 *     id ^ mask  =  | generation (16-k bits) | slot (k bits) |        2^k slots
 *
 *     slot        0      1      2      3      4   …
 *     items     [ x ]  [ - ]  [ y ]  [ - ]  [ - ]
 *     next        ·      4      ·      1      -       free: head → 3 → 1 → 4 → nil, then slot 5
 *
 * take() and give() touch only the head of the free list. A slot's generation grows each time it is
 * given back, so a reply that comes after its exchange was given up does not find the slot's next
 * tenant. The random mask of each table keeps ids from being the same on every connection.
 */
export class IdTable<T> {
  readonly capacity: number
  /** Ids taken and not yet given back. */
  size = 0

  readonly #items: (T | null)[] = []
  readonly #next: number[] = []
  readonly #generations: number[] = []
  readonly #mask: number
  readonly #bits: number
  #head = NONE

  /**
   * @param bits the table has 2^bits slots; 1 to 15, so that an id has at least one generation bit
   * @param mask drawn at random unless a test gives one; 0 to 65,535
   */
  constructor(bits: number, mask: number = randomInt(0x10000)) {
    if (!(bits >= 1 && bits <= 15)) throw new RangeError(`Cannot make an id table of ${bits} bits`)
    this.#bits = bits
    this.#mask = mask
    this.capacity = 1 << bits
  }

  get full(): boolean {
    return this.#head === NONE && this.#items.length === this.capacity
  }

  /** Stores `item` under a free id and returns the id, or -1 where the table is full. */
  take(item: T): number {
    let slot = this.#head
    if (slot !== NONE) {
      this.#head = this.#next[slot]!
      this.#items[slot] = item
    } else {
      slot = this.#items.length
      if (slot === this.capacity) return -1
      this.#items.push(item)
      this.#next.push(NONE)
      this.#generations.push(0)
    }
    this.size++
    return this.#idOf(slot)
  }

  /** The item stored under `id`; null where the id is free, unknown or of an earlier generation. */
  get(id: number): T | null {
    const slot = (id ^ this.#mask) & (this.capacity - 1)
    if (slot >= this.#items.length) return null
    return id === this.#idOf(slot) ? this.#items[slot]! : null
  }

  /** Frees `id` and returns its item; null where get() finds none, and then nothing changes. */
  give(id: number): T | null {
    const item = this.get(id)
    if (item === null) return null
    const slot = (id ^ this.#mask) & (this.capacity - 1)
    this.#items[slot] = null
    this.#generations[slot] = (this.#generations[slot]! + 1) & 0xffff
    this.#next[slot] = this.#head
    this.#head = slot
    this.size--
    return item
  }

  /** The items whose ids are taken, in no order. */
  items(): T[] {
    return this.#items.filter((item) => item !== null)
  }

  #idOf(slot: number): number {
    return (((this.#generations[slot]! << this.#bits) | slot) ^ this.#mask) & 0xffff
  }
}
