import type { ByteBudget, ByteHolder } from '../../lib/byte-budget.ts'
import type { ErrorOptions } from '../../wire/edns.ts'
import type { Records } from '../../wire/records.ts'
import type { CacheKey } from './cache-key.ts'
import { Entry, entrySize } from './entry.ts'
import { HashFilter, nothingThere } from './hash-filter.ts'
import { Newcomers } from './newcomers.ts'
import { Popular } from './popular.ts'
import { chunkSize, chunkSizeOf, PAGE_SIZE, type Slab } from './slab.ts'

/** Rough bytes an entry costs beside its chunk: the object, and what finds it. */
const ENTRY_OVERHEAD = 160
/** What the smallest entry takes of the byte budget. */
export const MIN_ENTRY_BYTES: number = ENTRY_OVERHEAD + chunkSize(1)

/** Entries that the first filter of its own is made for, and how many times more each time that those are there. */
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
 *     write ──▶ newcomers ──asked again──▶ popular
 *                   │ the oldest              │ the least recently used
 *                   └────────── go ◀──────────┘
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
  readonly #newcomers = new Newcomers()
  readonly #popular = new Popular((entry) => this.#dispose(entry))
  #filter = nothingThere
  /** How often something of what is spare was to be given up. */
  #turns = 0
  /** Entries written so far, in 32 bits: the time by which use grows old. */
  #writes = 0
  /** As many writes as there will have been when the least recently used may be aged. */
  #youngUntil = 0
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

  /** Bytes of what nobody has asked for again. */
  get spare(): number {
    return this.#newcomers.bytes
  }

  #count(): number {
    return this.#newcomers.count + this.#popular.count
  }

  /** Entries there may be: room that the byte budget has no bytes for would be lost heap. */
  #capacity(): number {
    return Math.max(1, Math.min(this.#most, Math.floor(this.#budget.limit / MIN_ENTRY_BYTES)))
  }

  /** The entry of `key`, fresh or not, now the most recently used; null where there is none. */
  find(key: CacheKey): Entry | null {
    if (!this.#filter.mayHold(key.hash)) return null
    const entry = this.#newcomers.find(key.hash)
    if (entry === null) return this.#findPopular(key)
    if (!entry.answers(key)) return null
    entry.usedAt = this.#writes
    this.#leaveNewcomers(entry)
    this.#popular.set(entry, this.#capacity())
    return entry
  }

  #findPopular(key: CacheKey): Entry | null {
    const entry = this.#popular.use(key.hash)
    if (entry === undefined) return null
    entry.usedAt = this.#writes
    return entry.answers(key) ? entry : null
  }

  /** The entry of this hash, whatever its question; looking at it is no use. Null where there is none. */
  peek(hash: number): Entry | null {
    if (!this.#filter.mayHold(hash)) return null
    return this.#newcomers.find(hash) ?? this.#popular.peek(hash) ?? null
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
    const there = this.peek(key.hash)
    if (there === null) this.#makePlace()
    const page = this.#slab.pageFor(size)
    entry.begin(page, this.#slab.take(page), now, seconds)
    entry.write(key, this.#isDenial, wire, length, records, ede, errors)
    entry.usedAt = this.#writes = (this.#writes + 1) | 0
    entry.hash = key.hash
    this.bytes += cost
    this.#filter.add(key.hash)
    if (there !== null && there.answers(key)) {
      // What is fetched anew has been asked for again, and is as popular as it was.
      entry.inherit(there)
      if (there.isLinked) this.#remove(there)
      this.#popular.set(entry, this.#capacity())
      this.#budget.note(this, cost, 0)
      return true
    }
    if (there !== null) {
      this.#onEvict()
      this.#remove(there)
    }
    this.#newcomers.add(entry, cost)
    this.#budget.note(this, cost, cost)
    return true
  }

  /** Sees to it that there is a place for another entry. */
  #makePlace(): void {
    const count = this.#count()
    if (count >= this.#capacity()) this.giveUp(this.#newcomers.count > NEW * count)
    else if (count >= this.#filter.capacity) this.#enlargeFilter()
  }

  #enlargeFilter(): void {
    const filter = new HashFilter(Math.max(LEAST, GROWTH * this.#filter.capacity))
    for (const { hash } of this.#newcomers) filter.add(hash)
    for (const { hash } of this.#popular.values()) filter.add(hash)
    this.#filter = filter
  }

  giveUp(spare: boolean): boolean {
    const { oldest } = this.#newcomers
    const last = this.#popular.count
    if (oldest === null && last === 0) return false
    this.#onEvict()
    const isAged = spare && ++this.#turns % LOOKS === 0 && this.#hasAged()
    if (oldest !== null && ((spare && !isAged) || last === 0)) this.#remove(oldest)
    else this.#popular.pop()
    return true
  }

  /**
   * Whether nobody has used the least recently used for a long time. Others are younger: while it is too young,
   * nobody looks, but each time that all newcomers have been replaced, for they may get fewer.
   */
  #hasAged(): boolean {
    if (((this.#writes - this.#youngUntil) | 0) < 0) return false
    const last = this.#popular.last()
    if (last === undefined) return false
    const { count } = this.#newcomers
    const rest = AGED * count - ((this.#writes - last.usedAt) | 0)
    if (rest >= 0) this.#youngUntil = (this.#writes + Math.min(rest + 1, count)) | 0
    return rest < 0
  }

  /** Takes `entry`, which is in the store, out of it. */
  #remove(entry: Entry): void {
    if (!entry.isLinked) {
      this.#popular.delete(entry.hash)
      return
    }
    this.#leaveNewcomers(entry)
    this.#dispose(entry)
  }

  #leaveNewcomers(entry: Entry): void {
    const cost = costOf(entry)
    this.#newcomers.remove(entry, cost)
    this.#budget.note(this, 0, -cost)
  }

  /** `entry` stands nowhere any more. */
  #dispose(entry: Entry): void {
    const cost = costOf(entry)
    this.#filter.remove(entry.hash)
    this.bytes -= cost
    this.#budget.note(this, -cost, 0)
    this.#slab.give(entry.page, entry.end())
    this.#spare = entry
  }

  /** Forgets `key`. */
  delete(key: CacheKey): void {
    const entry = this.peek(key.hash)
    if (entry !== null && entry.answers(key)) this.#remove(entry)
  }

  /** Forgets the entry of this hash. */
  drop(hash: number): void {
    const entry = this.peek(hash)
    if (entry !== null) this.#remove(entry)
  }

  /** Entries that are still fresh: expired ones are kept for stale answers but not counted. */
  countFresh(now: number): number {
    let fresh = 0
    for (const entry of this.#newcomers) if (entry.isFresh(now)) fresh++
    for (const entry of this.#popular.values()) if (entry.isFresh(now)) fresh++
    return fresh
  }

  /** The entries, those used last first; what came and what was used between two writes is told apart. */
  *#byUse(): Generator<Entry, undefined> {
    const newcomers = this.#newcomers[Symbol.iterator]()
    let newcomer = newcomers.next().value
    for (const entry of this.#popular.values()) {
      while (newcomer !== undefined && ((newcomer.usedAt - entry.usedAt) | 0) > 0) {
        yield newcomer
        newcomer = newcomers.next().value
      }
      yield entry
    }
    if (newcomer !== undefined) yield newcomer
    yield* newcomers
  }

  /** The `max` entries used last (fewer where there are fewer), the most recent at the end. */
  recent(max: number): Entry[] {
    let at = Math.min(max, this.#count())
    const recent = Array.from<Entry>({ length: at })
    for (const entry of this.#byUse()) {
      if (at === 0) break
      recent[--at] = entry
    }
    return recent
  }

  /** Entries, how many there may be, and bytes of the budget that they take. */
  get fill(): { readonly entries: number; readonly capacity: number; readonly bytes: number } {
    return { entries: this.#count(), capacity: this.#capacity(), bytes: this.bytes }
  }

  /** What each entry is found by, the most recently used first. */
  hashes(): number[] {
    return Array.from(this.#byUse(), ({ hash }) => hash)
  }

  /** Empties the store and gives its bytes back. */
  clear(): void {
    for (let { oldest } = this.#newcomers; oldest !== null; { oldest } = this.#newcomers) {
      this.#remove(oldest)
    }
    this.#popular.clear()
  }
}

/** What an entry takes of the byte budget. */
function costOf(entry: Entry): number {
  return chunkSizeOf(entry.page) + ENTRY_OVERHEAD
}
