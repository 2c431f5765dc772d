import { LRUCache } from 'lru-cache'
import type { Entry } from './entry.ts'

/** lru-cache makes an object for each call that is given none, and writes into the one it gets. */
const noOptions: LRUCache.GetOptions<number, Entry, unknown> &
  LRUCache.SetOptions<number, Entry, unknown> = {}
/** Entries there is room for at first, and how many times more each time that is used up. */
const LEAST = 100
const GROWTH = 4

/** The entries of a store that have been asked for again, by their hashes: the least recently used is known. */
export class Popular {
  readonly #dispose: (entry: Entry) => void
  /** Null until there is one: many caches never hold anything. */
  #entries: LRUCache<number, Entry> | null = null

  /** @param dispose told of each that goes, also where another takes its place */
  constructor(dispose: (entry: Entry) => void) {
    this.#dispose = dispose
  }

  get count(): number {
    return this.#entries === null ? 0 : this.#entries.size
  }

  /** The one of this hash, now the most recently used; undefined where there is none. */
  use(hash: number): Entry | undefined {
    return this.#entries?.get(hash, noOptions)
  }

  /** The one of this hash; looking at it is no use. */
  peek(hash: number): Entry | undefined {
    return this.#entries?.peek(hash, noOptions)
  }

  /**
   * Puts `entry`, the most recently used, in the place of the one of its hash.
   *
   * @param capacity how many there may be: they are not more, unless that has just become less
   */
  set(entry: Entry, capacity: number): void {
    const entries = this.#entries
    const isFull = entries === null || entries.size === entries.max
    const roomy = isFull ? this.#grow(capacity) : entries
    roomy.set(entry.hash, entry, noOptions)
  }

  /**
   * lru-cache allocates for all of `max`, and most caches hold little: a full one is followed by a larger
   * one with the same entries. One without `max` leaves much more behind as it grows.
   */
  #grow(capacity: number): LRUCache<number, Entry> {
    const before = this.#entries
    const most = before === null ? 0 : before.max
    const max = Math.max(most + 1, Math.min(capacity, most === 0 ? LEAST : GROWTH * most))
    const entries = new LRUCache<number, Entry>({ max, dispose: this.#dispose })
    before?.rforEach((entry, hash) => entries.set(hash, entry, noOptions))
    this.#entries = entries
    return entries
  }

  /** Forgets the one of this hash. */
  delete(hash: number): void {
    this.#entries?.delete(hash)
  }

  /** Forgets the least recently used. */
  pop(): void {
    this.#entries?.pop()
  }

  /** The least recently used; undefined where there are none. lru-cache makes a generator for it. */
  last(): Entry | undefined {
    const entries = this.#entries
    return entries === null ? undefined : (entries.rvalues().next().value as Entry)
  }

  /** All of them, the most recently used first. */
  values(): Iterable<Entry> {
    return this.#entries?.values() ?? []
  }

  clear(): void {
    this.#entries?.clear()
  }
}
