import type { ByteBudget } from '../../lib/byte-budget.ts'
import { Lru } from '../../lib/lru.ts'
import type { ErrorOptions } from '../../wire/edns.ts'
import type { Records } from '../../wire/records.ts'
import type { CacheKey } from './cache-key.ts'
import { Entry, entrySize } from './entry.ts'
import { chunkSize, chunkSizeOf, PAGE_SIZE, type Slab } from './slab.ts'

/** Bytes an entry costs beside its chunk: the object is 40, its place in the LRU 32 to 36. */
const ENTRY_OVERHEAD = 80
/** What the smallest entry takes of the byte budget. */
export const MIN_ENTRY_BYTES: number = ENTRY_OVERHEAD + chunkSize(1)

/** Entries there is room for at first, and how many times more each time that is used up. */
const LEAST = 100
const GROWTH = 4

/**
 * One LRU of answers (success or denial): from the hash of a question to the entry, which says whether the
 * question is its own. No string is made of it. Two questions of one hash displace each other.
 */
export class Store {
  readonly #capacity: number
  readonly #isDenial: boolean
  readonly #slab: Slab
  readonly #budget: ByteBudget
  readonly #onEvict: () => void
  /** Null until something is stored: many caches never hold anything. */
  #entries: Lru<Entry> | null = null
  /** The entry that was last to go, for the next that comes: a full cache allocates none. */
  #spare: Entry | null = null
  #bytes = 0

  /**
   * @param capacity entries, at least 1
   * @param onEvict told of each entry that had to make room
   */
  constructor(
    capacity: number,
    isDenial: boolean,
    slab: Slab,
    budget: ByteBudget,
    onEvict: () => void = () => {},
  ) {
    // Room that the byte budget has no bytes for would be lost heap.
    this.#capacity = Math.max(1, Math.min(capacity, Math.floor(budget.limit / MIN_ENTRY_BYTES)))
    this.#isDenial = isDenial
    this.#slab = slab
    this.#budget = budget
    this.#onEvict = onEvict
  }

  /** Most caches hold little: a full one is followed by a larger one with the same entries. */
  #grow(): Lru<Entry> {
    const before = this.#entries
    const max = before === null ? LEAST : GROWTH * before.max
    const entries = new Lru<Entry>(Math.min(this.#capacity, max))
    if (before !== null) entries.copy(before)
    this.#entries = entries
    return entries
  }

  /** Makes room for another entry; false where there is none left. */
  #evict(entries: Lru<Entry>): boolean {
    const entry = entries.shift()
    if (entry === undefined) return false
    this.#onEvict()
    this.#end(entry)
    return true
  }

  /** An entry that is in the LRU no more gives back what it took. */
  #end(entry: Entry | undefined): void {
    if (entry === undefined) return
    const cost = chunkSizeOf(entry.page) + ENTRY_OVERHEAD
    this.#budget.give(cost)
    this.#bytes -= cost
    this.#slab.give(entry.page, entry.end())
    this.#spare = entry
  }

  /** The entry of `key`, fresh or not, now the most recently used; null where there is none. */
  find(key: CacheKey): Entry | null {
    const entry = this.#entries?.get(key.hash)
    return entry?.answers(key) === true ? entry : null
  }

  /**
   * Stores the message `wire[0..length)`, whose OPT is gone, as `records` describes it, and its
   * extended errors, fresh for `seconds`, in place of what was there under this key. Returns false
   * where the byte budget has no room for it even with everything else of this store evicted.
   */
  write(
    key: CacheKey,
    wire: Buffer,
    length: number,
    records: Records,
    seconds: number,
    now: number,
    ede: number,
    errors: ErrorOptions,
  ): boolean {
    const size = entrySize(key, length, records, errors)
    if (size > PAGE_SIZE) return false
    let entries = this.#entries ?? this.#grow()
    if (entries.isFull && entries.max < this.#capacity) entries = this.#grow()
    const there = entries.get(key.hash)
    const cost = chunkSize(size) + ENTRY_OVERHEAD
    while (this.#budget.wouldExceed(cost)) if (!this.#evict(entries)) return false
    this.#budget.take(cost)
    this.#bytes += cost

    const entry = this.#spare ?? new Entry()
    this.#spare = null
    const page = this.#slab.pageFor(size)
    entry.begin(page, this.#slab.take(page), now, seconds)
    entry.write(key, this.#isDenial, wire, length, records, ede, errors)
    if (there !== undefined && there !== entry && !there.isGone) {
      // A refreshed entry is as popular as it was.
      if (there.answers(key)) entry.inherit(there)
      else this.#onEvict()
    }
    // The one in whose place it comes, where that had not to make room already, needs no other's.
    if (entries.isFull && entries.peek(key.hash) === undefined) this.#evict(entries)
    this.#end(entries.set(key.hash, entry))
    return true
  }

  /** Forgets `key`. */
  delete(key: CacheKey): void {
    if (this.find(key) !== null) this.drop(key.hash)
  }

  /** Entries that are still fresh: expired ones are kept for stale answers but not counted. */
  countFresh(now: number): number {
    let fresh = 0
    for (const entry of this.#entries?.values() ?? []) if (entry.isFresh(now)) fresh++
    return fresh
  }

  /** The `max` entries used last (fewer where there are fewer), the most recent at the end. */
  recent(max: number): Entry[] {
    const entries = this.#entries
    if (entries === null) return []
    let at = Math.min(max, entries.size)
    const recent = Array.from<Entry>({ length: at })
    for (const entry of entries.values()) {
      if (at === 0) break
      recent[--at] = entry
    }
    return recent
  }

  /** Entries, how many there may be, and bytes of the budget that they take. */
  get fill(): { readonly entries: number; readonly capacity: number; readonly bytes: number } {
    return { entries: this.#entries?.size ?? 0, capacity: this.#capacity, bytes: this.#bytes }
  }

  /** What each entry is found by, the most recently used first. */
  hashes(): number[] {
    return this.#entries?.keys() ?? []
  }

  /** The entry of this hash, whatever its question; looking at it is no use. Null where there is none. */
  peek(hash: number): Entry | null {
    return this.#entries?.peek(hash) ?? null
  }

  /** Forgets the entry of this hash. */
  drop(hash: number): void {
    this.#end(this.#entries?.delete(hash))
  }

  /** Empties the store and gives its bytes back. */
  clear(): void {
    const entries = this.#entries
    this.#entries = null
    for (const entry of entries?.values() ?? []) this.#end(entry)
    this.#spare = null
  }
}
