import { randomBytes } from 'node:crypto'

/** A key and how often it was added: `count` at most, and `count - error` at least. */
export interface Counted {
  /** A copy. */
  readonly key: Buffer
  readonly count: number
  readonly error: number
}

const NONE = -1
/** Octets that a key has room for until a longer one comes: nearly all names, of 255 that one may have, are shorter. */
const FIRST_ROOM = 96

/**
 * The most frequent of any number of keys, in memory that does not grow: the space-saving algorithm
 * (Metwally, Agrawal, El Abbadi 2005). Of k counters, one whose key is added counts it; a key without a
 * counter takes over the smallest one, whose count it may not deserve, and which is its error therefore.
 * No error is above total / k, and whoever was added more often than that has a counter.
 *
 *     heads   hash ─▶ 3 ─▶ 7            counters of the same hash, linked by `next`
 *     heap    [5, 3, 0, 7, …]           the smallest count first; `places` leads back from a counter
 *     keys    | key 0 … | key 1 … |     `room` octets each, as many as the longest one has needed
 */
export class SpaceSaving {
  /** How many keys were added. */
  total = 0
  readonly #size: number
  readonly #keySize: number
  /** 1 to `keySize`. */
  #room: number
  #keys: Uint8Array
  readonly #lengths: Uint16Array
  readonly #counts: Float64Array
  readonly #errors: Float64Array
  readonly #heads: Int16Array
  readonly #next: Int16Array
  /** The index in `heads` that a counter is linked from, or NONE while it has no key. */
  readonly #bucketOf: Int16Array
  readonly #heap: Int16Array
  readonly #places: Int16Array
  /** Strangers choose keys: where they land must not be known beforehand. */
  readonly #seed: number = randomBytes(4).readInt32LE()

  /**
   * @param counters 1 to 16,384
   * @param keySize octets of the longest key, 65,535 at most
   */
  constructor(counters: number, keySize: number) {
    const buckets = 2 ** Math.ceil(Math.log2(2 * counters))
    this.#size = counters
    this.#keySize = keySize
    this.#room = Math.min(keySize, FIRST_ROOM)
    this.#keys = new Uint8Array(counters * this.#room)
    this.#lengths = new Uint16Array(counters)
    this.#counts = new Float64Array(counters)
    this.#errors = new Float64Array(counters)
    this.#heads = new Int16Array(buckets).fill(NONE)
    this.#next = new Int16Array(counters).fill(NONE)
    this.#bucketOf = new Int16Array(counters).fill(NONE)
    this.#heap = Int16Array.from({ length: counters }, (_, i) => i)
    this.#places = Int16Array.from(this.#heap)
  }

  /**
   * Counts `key[0..length)` once more. Allocates nothing but room for longer keys, which is doubled until it is
   * `keySize`; octets beyond that tell no keys apart.
   */
  add(key: Uint8Array, length: number): void {
    const size = Math.min(length, this.#keySize)
    const bucket = this.#bucketFor(key, size)
    this.total++
    let counter = this.#heads[bucket]!
    while (counter !== NONE && !this.#has(counter, key, size)) counter = this.#next[counter]!
    if (counter === NONE) {
      counter = this.#heap[0]!
      this.#take(counter, bucket, key, size)
    }
    this.#counts[counter]!++
    this.#sink(this.#places[counter]!)
  }

  /** The `limit` keys with the highest counts, the highest first. */
  top(limit: number): Counted[] {
    const counts = this.#counts
    const leaders = this.#heap
      .filter((counter) => counts[counter]! > 0)
      .sort((a, b) => counts[b]! - counts[a]! || a - b)
    return Array.from(leaders.subarray(0, limit), (counter) => {
      const at = counter * this.#room
      const key = Buffer.from(this.#keys.subarray(at, at + this.#lengths[counter]!))
      return { key, count: counts[counter]!, error: this.#errors[counter]! }
    })
  }

  #bucketFor(key: Uint8Array, length: number): number {
    // FNV-1a, from a beginning of this sketch's own.
    let hash = this.#seed
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ key[i]!, 0x01000193)
    return (hash ^ (hash >>> 15)) & (this.#heads.length - 1)
  }

  #has(counter: number, key: Uint8Array, length: number): boolean {
    if (this.#lengths[counter] !== length) return false
    const keys = this.#keys
    const at = counter * this.#room
    for (let i = 0; i < length; i++) if (keys[at + i] !== key[i]) return false
    return true
  }

  /** Gives a counter to another key, with its count so far as the error. */
  #take(counter: number, bucket: number, key: Uint8Array, length: number): void {
    if (length > this.#room) this.#widen(length)
    const keys = this.#keys
    const at = counter * this.#room
    this.#unlink(counter)
    for (let i = 0; i < length; i++) keys[at + i] = key[i]!
    this.#lengths[counter] = length
    this.#errors[counter] = this.#counts[counter]!
    this.#bucketOf[counter] = bucket
    this.#next[counter] = this.#heads[bucket]!
    this.#heads[bucket] = counter
  }

  #widen(length: number): void {
    const before = this.#room
    const after = Math.min(this.#keySize, Math.max(length, 2 * before))
    const keys = new Uint8Array(this.#size * after)
    for (let i = 0; i < this.#size; i++)
      keys.set(this.#keys.subarray(i * before, (i + 1) * before), i * after)
    this.#keys = keys
    this.#room = after
  }

  #unlink(counter: number): void {
    const bucket = this.#bucketOf[counter]!
    if (bucket === NONE) return
    const next = this.#next
    if (this.#heads[bucket] === counter) {
      this.#heads[bucket] = next[counter]!
      return
    }
    let before = this.#heads[bucket]!
    while (next[before] !== counter) before = next[before]!
    next[before] = next[counter]!
  }

  /** Counts only grow: a counter moves away from the heap's beginning, never towards it. */
  #sink(from: number): void {
    const heap = this.#heap
    const counts = this.#counts
    const places = this.#places
    const counter = heap[from]!
    const count = counts[counter]!
    let place = from
    for (;;) {
      let child = 2 * place + 1
      if (child >= this.#size) break
      if (child + 1 < this.#size && counts[heap[child + 1]!]! < counts[heap[child]!]!) child++
      const smaller = heap[child]!
      if (counts[smaller]! >= count) break
      heap[place] = smaller
      places[smaller] = place
      place = child
    }
    heap[place] = counter
    places[counter] = place
  }
}
