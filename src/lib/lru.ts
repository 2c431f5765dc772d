/** No slot. Slots are kept plus one, so that a new array, all 0, is empty. */
const NONE = 0

/**
 * Values by a number of 32 bits, in the order of their use. What finds a value and keeps the order lies
 * in arrays of numbers, allocated once: 24 to 28 octets for each place beside the value's reference, where
 * a Map takes up to 90 and leaves as much behind each time that its holes are cleared away.
 *
 *   heads     by the key's lower bits: the first slot of a chain
 *   chain     slot ─▶ next slot of its chain; of a free slot: the next free one
 *   older     slot ─▶ the one used before it     newer: the other way
 */
export class Lru<T> {
  /** Values there is room for; `set()` evicts nothing. */
  readonly max: number
  size = 0
  readonly #heads: Int32Array
  readonly #chain: Int32Array
  readonly #older: Int32Array
  readonly #newer: Int32Array
  readonly #keys: Int32Array
  readonly #values: (T | undefined)[]
  readonly #mask: number
  /** Slots that have never been used begin behind this one. */
  #fresh = 0
  #free: number = NONE
  #newest: number = NONE
  #oldest: number = NONE

  /** @param max values, from 1 to 2^29 */
  constructor(max: number) {
    this.max = max
    const buckets = 2 ** Math.ceil(Math.log2(max))
    this.#mask = buckets - 1
    this.#heads = new Int32Array(buckets)
    this.#chain = new Int32Array(max + 1)
    this.#older = new Int32Array(max + 1)
    this.#newer = new Int32Array(max + 1)
    this.#keys = new Int32Array(max + 1)
    this.#values = Array.from<T | undefined>({ length: max + 1 })
  }

  get isFull(): boolean {
    return this.size === this.max
  }

  /** The value of `key`, now the most recently used. */
  get(key: number): T | undefined {
    const slot = this.#find(key)
    if (slot === NONE) return undefined
    if (slot !== this.#newest) {
      this.#leaveOrder(slot)
      this.#enterOrder(slot)
    }
    return this.#values[slot]
  }

  /** The value of `key`; looking at it is no use. */
  peek(key: number): T | undefined {
    return this.#values[this.#find(key)]
  }

  /**
   * Makes `value` that of `key`, now the most recently used, and returns the one in whose place it comes.
   * Who has no room for a further key calls `shift()` before.
   */
  set(key: number, value: T): T | undefined {
    let slot = this.#find(key)
    const before = this.#values[slot]
    if (slot === NONE) slot = this.#take(key)
    else this.#leaveOrder(slot)
    this.#enterOrder(slot)
    this.#values[slot] = value
    return before
  }

  /** Removes `key`; returns its value. */
  delete(key: number): T | undefined {
    return this.#remove(this.#find(key))
  }

  /** Removes what was not used for longest, and returns it. */
  shift(): T | undefined {
    return this.#remove(this.#oldest)
  }

  /** The values, the most recently used first. */
  *values(): Generator<T> {
    for (let slot = this.#newest; slot !== NONE; slot = this.#older[slot]!) {
      yield this.#values[slot]!
    }
  }

  /** The keys, as 32-bit numbers with a sign, the most recently used first. */
  keys(): number[] {
    const keys: number[] = []
    for (let slot = this.#newest; slot !== NONE; slot = this.#older[slot]!) {
      keys.push(this.#keys[slot]!)
    }
    return keys
  }

  /** Sets all that `other` has, in its order of use; there has to be room for it. */
  copy(other: Lru<T>): void {
    for (let slot = other.#oldest; slot !== NONE; slot = other.#newer[slot]!) {
      this.set(other.#keys[slot]!, other.#values[slot]!)
    }
  }

  #find(key: number): number {
    const number = key | 0
    let slot = this.#heads[number & this.#mask]!
    while (slot !== NONE && this.#keys[slot] !== number) slot = this.#chain[slot]!
    return slot
  }

  #take(key: number): number {
    const number = key | 0
    let slot = this.#free
    if (slot !== NONE) {
      this.#free = this.#chain[slot]!
    } else {
      if (this.#fresh === this.max) throw new RangeError('the LRU has no room left')
      slot = ++this.#fresh
    }
    const bucket = number & this.#mask
    this.#keys[slot] = number
    this.#chain[slot] = this.#heads[bucket]!
    this.#heads[bucket] = slot
    this.size++
    return slot
  }

  #remove(slot: number): T | undefined {
    if (slot === NONE) return undefined
    this.#leaveOrder(slot)
    const bucket = this.#keys[slot]! & this.#mask
    let before = this.#heads[bucket]!
    if (before === slot) {
      this.#heads[bucket] = this.#chain[slot]!
    } else {
      while (this.#chain[before] !== slot) before = this.#chain[before]!
      this.#chain[before] = this.#chain[slot]!
    }
    this.#chain[slot] = this.#free
    this.#free = slot
    this.size--
    const value = this.#values[slot]
    this.#values[slot] = undefined
    return value
  }

  #enterOrder(slot: number): void {
    this.#older[slot] = this.#newest
    this.#newer[slot] = NONE
    if (this.#newest === NONE) this.#oldest = slot
    else this.#newer[this.#newest] = slot
    this.#newest = slot
  }

  #leaveOrder(slot: number): void {
    const older = this.#older[slot]!
    const newer = this.#newer[slot]!
    if (older === NONE) this.#oldest = newer
    else this.#newer[older] = newer
    if (newer === NONE) this.#newest = older
    else this.#older[newer] = older
  }
}
