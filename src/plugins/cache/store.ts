import { LRUCache } from 'lru-cache'
import type { ByteBudget, ByteHolder } from '../../lib/byte-budget.ts'
import type { ErrorOptions } from '../../wire/edns.ts'
import type { Records } from '../../wire/records.ts'
import type { CacheKey } from './cache-key.ts'
import { Entry, entrySize } from './entry.ts'
import { Newcomers } from './newcomers.ts'
import { Presence } from './presence.ts'
import { chunkSize, chunkSizeOf, PAGE_SIZE, type Slab } from './slab.ts'

/** Rough bytes an entry costs beside its chunk: the object, lru-cache's lists and map. */
const ENTRY_OVERHEAD = 160
/** What the smallest entry takes of the byte budget. */
export const MIN_ENTRY_BYTES: number = ENTRY_OVERHEAD + chunkSize(1)

/** lru-cache makes an object for each call that is given none, and writes into the one it gets. */
const noOptions: LRUCache.GetOptions<number, Entry, unknown> &
  LRUCache.HasOptions<number, Entry, unknown> &
  LRUCache.SetOptions<number, Entry, unknown> = {}
/** Entries there is room for at first, and how many times more each time that is used up. */
const LEAST = 100
const GROWTH = 4

/** Where newcomers are fewer than this part of all, the least recently used goes before them. */
const NEW = 1 / 5
/** Each so many times it is asked whether the least recently used is aged, and goes all the same. */
const LOOKS = 4
/** It is where more has been stored since its last use than so many times the newcomers. */
const AGED = 16

/**
 * The answers of one kind (success or denial): from the hash of a question to the entry, which says whether the
 * question is its own. No string is made of it. Two questions of one hash displace each other.
 *
 * Of a full store, and of the largest where all of them have no room, that goes which nobody has asked for again,
 * the oldest first, and what was used least recently once that is less than a fifth. The latter goes as well where
 * all newcomers have been replaced many times since: names of yesterday make room for those that are asked for in
 * turn today, and a million names that are asked for once take nothing from those in use.
 */
export class Store implements ByteHolder {
  readonly #most: number
  readonly #isDenial: boolean
  readonly #slab: Slab
  readonly #budget: ByteBudget
  readonly #onEvict: () => void
  /** Null until something is stored: many caches never hold anything. */
  #entries: LRUCache<number, Entry> | null = null
  /** How often something of what is spare was to be given up. */
  #turns = 0
  /** Entries written so far, in 32 bits: the time by which use grows old. */
  #writes = 0
  /** As many writes as there will have been when the least recently used may be aged. */
  #youngUntil = 0
  readonly #newcomers = new Newcomers()
  #presence = new Presence(1)
  /** The entry that was last to go, for the next that comes: a full cache allocates none. */
  #spare: Entry | null = null
  /** Bytes of the budget that it holds. */
  bytes = 0

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
    this.#most = capacity
    this.#isDenial = isDenial
    this.#slab = slab
    this.#budget = budget
    this.#onEvict = onEvict
  }

  /** Bytes of what nobody has asked for again, as far as was looked. */
  get spare(): number {
    return this.#newcomers.bytes
  }

  /** Entries there may be: room that the byte budget has no bytes for would be lost heap. */
  #capacity(): number {
    return Math.max(1, Math.min(this.#most, Math.floor(this.#budget.limit / MIN_ENTRY_BYTES)))
  }

  /**
   * lru-cache allocates for all of `max`, and most caches hold little: a full one is followed by a larger
   * one with the same entries. One without `max` leaves much more behind as it grows.
   */
  #grow(): LRUCache<number, Entry> {
    const before = this.#entries
    const max = Math.min(this.#capacity(), before === null ? LEAST : GROWTH * before.max)
    const presence = new Presence(max)
    const entries = new LRUCache<number, Entry>({
      max,
      dispose: (entry) => this.#dispose(entry),
    })
    before?.rforEach((entry, hash) => {
      entries.set(hash, entry, noOptions)
      presence.add(hash)
    })
    this.#presence = presence
    this.#entries = entries
    return entries
  }

  #dispose(entry: Entry): void {
    const cost = costOf(entry)
    const isNew = entry.isLinked
    this.#presence.remove(entry.hash)
    if (isNew) this.#newcomers.leave(entry, cost)
    this.bytes -= cost
    this.#budget.note(this, -cost, isNew ? -cost : 0)
    this.#slab.give(entry.page, entry.end())
    this.#spare = entry
  }

  readonly #stays = (entry: Entry): void => {
    const cost = costOf(entry)
    this.#newcomers.leave(entry, cost)
    this.#budget.note(this, 0, -cost)
  }

  giveUp(spare: boolean): boolean {
    const entries = this.#entries
    if (entries === null || entries.size === 0) return false
    this.#onEvict()
    const isAged = spare && ++this.#turns % LOOKS === 0 && this.#hasAged(entries)
    const newcomer = spare && !isAged ? this.#newcomers.next(this.#stays) : null
    if (newcomer === null) entries.pop()
    else entries.delete(newcomer.hash)
    return true
  }

  /**
   * Whether nobody has used the least recently used for a long time. There is one. Others are younger: while it
   * is too young, nobody looks, but each time that all newcomers have been replaced, for they may get fewer.
   */
  #hasAged(entries: LRUCache<number, Entry>): boolean {
    if (((this.#writes - this.#youngUntil) | 0) < 0) return false
    const { count } = this.#newcomers
    const last = entries.rvalues().next().value!
    const rest = AGED * count - ((this.#writes - last.usedAt) | 0)
    if (rest >= 0) this.#youngUntil = (this.#writes + Math.min(rest + 1, count)) | 0
    return rest < 0
  }

  /** The entry of `key`, fresh or not, now the most recently used; null where there is none. */
  find(key: CacheKey): Entry | null {
    const entry = this.#use(key.hash)
    if (entry === undefined) return null
    entry.usedAt = this.#writes
    return entry.answers(key) ? entry : null
  }

  /** The entry of this hash, now the most recently used. */
  #use(hash: number): Entry | undefined {
    return this.#presence.mayHold(hash) ? this.#entries?.get(hash, noOptions) : undefined
  }

  /**
   * Stores the message `wire[0..length)`, whose OPT is gone, as `records` describes it, and its
   * extended errors, fresh for `seconds`, in place of what was there under this key. Returns false
   * where the byte budget has no room for it; then the key is forgotten.
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
    const cost = size > PAGE_SIZE ? Infinity : chunkSize(size) + ENTRY_OVERHEAD
    // Before room is made: what goes now is gone for who holds it, and no other entry yet.
    const entry = this.#spare ?? new Entry()
    this.#spare = null
    if (!this.#budget.makeRoom(cost)) {
      this.delete(key)
      return false
    }
    const there = this.#use(key.hash)
    const entries = this.#roomFor(there === undefined)
    // What is fetched anew has been asked for again.
    const isNew = there === undefined || !there.answers(key)
    const page = this.#slab.pageFor(size)
    entry.begin(page, this.#slab.take(page), now, seconds)
    entry.write(key, this.#isDenial, wire, length, records, ede, errors)
    // A refreshed entry is as popular as it was.
    if (!isNew) entry.inherit(there)
    else if (there !== undefined) this.#onEvict()
    entry.usedAt = this.#writes = (this.#writes + 1) | 0
    entry.hash = key.hash
    entries.set(key.hash, entry, noOptions)
    this.#presence.add(key.hash)
    if (isNew) this.#newcomers.add(entry, cost)
    this.bytes += cost
    this.#budget.note(this, cost, isNew ? cost : 0)
    return true
  }

  /** The entries, with a place for another one or for what replaces one. */
  #roomFor(another: boolean): LRUCache<number, Entry> {
    const entries = this.#entries ?? this.#grow()
    if (!another || entries.size < entries.max) return entries
    if (entries.max < this.#capacity()) return this.#grow()
    this.giveUp(this.#newcomers.count > NEW * entries.size)
    return entries
  }

  /** Forgets `key`. */
  delete(key: CacheKey): void {
    if (this.find(key) !== null) this.#entries!.delete(key.hash)
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
    return { entries: this.#entries?.size ?? 0, capacity: this.#capacity(), bytes: this.bytes }
  }

  /** What each entry is found by, the most recently used first. */
  hashes(): number[] {
    return [...(this.#entries?.keys() ?? [])]
  }

  /** The entry of this hash, whatever its question; looking at it is no use. Null where there is none. */
  peek(hash: number): Entry | null {
    return this.#entries?.peek(hash, noOptions) ?? null
  }

  /** Forgets the entry of this hash. */
  drop(hash: number): void {
    this.#entries?.delete(hash)
  }

  /** Empties the store and gives its bytes back. */
  clear(): void {
    this.#entries?.clear()
  }
}

/** What an entry takes of the byte budget. */
function costOf(entry: Entry): number {
  return chunkSizeOf(entry.page) + ENTRY_OVERHEAD
}
