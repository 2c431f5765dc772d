import type { ByteBudget } from '../../lib/byte-budget.ts'
import { copyBytes } from '../../lib/bytes.ts'
import { read16 } from '../../wire/bytes.ts'
import type { ErrorOptions } from '../../wire/edns.ts'
import { HEADER_SIZE } from '../../wire/header.ts'
import { keySize, matchesKey, writeKey } from '../../wire/question-key.ts'
import type { Records } from '../../wire/records.ts'
import type { CacheKey } from './cache-key.ts'
import { EntryColumns } from './entry-columns.ts'
import { MIN_CHUNK, PAGE_SIZE, type Slab } from './slab.ts'
import { NO_SLOT, SlotChains } from './slot-chains.ts'
import { Slots } from './slots.ts'
import { changeTtls, writeTtlOffsets } from './ttl-offsets.ts'

/** Flags and counts of the header: what a stored message keeps of its first 12 bytes. */
const HEAD_START = 2
const HEAD_SIZE = 10
/** Where the count of the answer section stands in it. */
const ANSWER_COUNT = 4

/** Rough bytes an entry costs beside its chunk: lru-cache's arrays and map, chains and columns. */
const ENTRY_OVERHEAD = 160
/** What the smallest entry takes of the byte budget. */
export const MIN_ENTRY_BYTES: number = ENTRY_OVERHEAD + MIN_CHUNK

/**
 * One LRU of answers (success or denial). An entry is a slot number; what belongs to it stands in
 * columns and in one slab chunk:
 *
 *   chunk  [ question, lower case ][ flags, counts: 10 ][ records … ][ offset of each TTL: 2 each ]
 *          [ extended errors, as options … ]
 *
 * Offsets of TTLs count from the message's start. Slots are found by the hash of the question, through
 * `SlotChains`; no string is made of it. `Slots` keeps their order and says which one has to go.
 */
export class Store extends EntryColumns {
  readonly #slots: Slots
  readonly #slab: Slab
  readonly #budget: ByteBudget
  readonly #onEvict: () => void
  readonly #onCrowd: () => void
  readonly #chains = new SlotChains()

  /**
   * @param onEvict told of each live entry that had to make room
   * @param onCrowd told before that where it had to because too many have the same bucket
   */
  constructor(
    capacity: number,
    slab: Slab,
    budget: ByteBudget,
    onEvict: () => void = () => {},
    onCrowd: () => void = () => {},
  ) {
    super()
    this.#slots = new Slots(capacity)
    this.#slab = slab
    this.#budget = budget
    this.#onEvict = onEvict
    this.#onCrowd = onCrowd
  }

  /** The slot of `key`, fresh or not, now the most recently used; NO_SLOT where there is none. */
  find(key: CacheKey): number {
    const slot = this.#lookUp(key)
    if (slot !== NO_SLOT) this.#slots.touch(slot)
    return slot
  }

  #lookUp(key: CacheKey): number {
    let slot = this.#chains.first(key.hash)
    while (slot !== NO_SLOT && !this.#isAt(slot, key)) slot = this.#chains.next(slot)
    return slot
  }

  #isAt(slot: number, key: CacheKey): boolean {
    if (!this.#chains.has(slot, key.hash) || this.variant[slot] !== key.variant) return false
    const { question, wire } = key
    if (this.keyBytes[slot] !== keySize(question)) return false
    const address = this.address[slot]!
    return matchesKey(this.#slab.page(address), this.#slab.offset(address), wire, question)
  }

  isFresh(slot: number, now: number): boolean {
    return now < this.expiresAt[slot]!
  }

  /** Milliseconds since the entry expired; negative while it is fresh. */
  staleFor(slot: number, now: number): number {
    return now - this.expiresAt[slot]!
  }

  /** Whole seconds of freshness left, at least 0. */
  remaining(slot: number, now: number): number {
    return Math.max(0, Math.ceil((this.expiresAt[slot]! - now) / 1000))
  }

  /** Seconds the entry was fresh for in all. */
  lifetime(slot: number): number {
    return (this.expiresAt[slot]! - this.storedAt[slot]!) / 1000
  }

  /** Whether the entry's answer section has records. */
  hasAnswers(slot: number): boolean {
    const address = this.address[slot]!
    const head = this.#slab.offset(address) + this.keyBytes[slot]!
    return read16(this.#slab.page(address), head + ANSWER_COUNT) > 0
  }

  /**
   * Writes the entry into `out` as a message (id and question are left to the caller) and returns
   * its length. TTLs are lowered by the seconds since it was stored.
   */
  read(slot: number, out: Buffer, questionEnd: number, now: number): number {
    const elapsed = Math.floor((now - this.storedAt[slot]!) / 1000)
    return this.#copy(slot, out, questionEnd, elapsed, -1)
  }

  /** As `read()`, with every TTL set to `ttl` seconds. */
  readWithTtl(slot: number, out: Buffer, questionEnd: number, ttl: number): number {
    return this.#copy(slot, out, questionEnd, 0, ttl)
  }

  /** As `read()`, with the TTLs as stored (`keepttl`). */
  readKeepingTtl(slot: number, out: Buffer, questionEnd: number): number {
    return this.#copy(slot, out, questionEnd, 0, -1)
  }

  /** Lets `errors` describe the extended errors of the entry, which stay where they are. */
  readErrors(slot: number, errors: ErrorOptions): void {
    const size = this.errorBytes[slot]!
    if (size === 0) return
    const address = this.address[slot]!
    const message = this.keyBytes[slot]! + HEAD_SIZE + this.recordBytes[slot]!
    const at = this.#slab.offset(address) + message + 2 * this.ttlCount[slot]!
    errors.set(this.#slab.page(address), at, size)
  }

  #copy(slot: number, out: Buffer, questionEnd: number, elapsed: number, fixedTtl: number): number {
    const address = this.address[slot]!
    const page = this.#slab.page(address)
    let at = this.#slab.offset(address) + this.keyBytes[slot]!
    copyBytes(page, at, out, HEAD_START, HEAD_SIZE)
    at += HEAD_SIZE
    const recordBytes = this.recordBytes[slot]!
    copyBytes(page, at, out, questionEnd, recordBytes)
    at += recordBytes
    if (elapsed === 0 && fixedTtl < 0) return questionEnd + recordBytes
    changeTtls(page, at, this.ttlCount[slot]!, out, elapsed, fixedTtl)
    return questionEnd + recordBytes
  }

  /**
   * Stores the message `wire[0..length)`, whose OPT is gone, as `records` describes it, and its
   * extended errors, fresh for `seconds`, in place of what was there under this key. Returns the slot, or
   * NO_SLOT where the byte budget has no room for it even with everything else of this store evicted.
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
  ): number {
    const { question } = key
    const questionSize = keySize(question)
    const recordBytes = length - question.end
    const messageSize = HEAD_SIZE + recordBytes + 2 * records.count
    const chunkLength = questionSize + messageSize + errors.size
    if (chunkLength > PAGE_SIZE) return NO_SLOT
    const before = this.#lookUp(key)
    const hits = before === NO_SLOT ? 0 : this.hits[before]!
    const lastHitAt = before === NO_SLOT ? 0 : this.lastHitAt[before]!
    if (before !== NO_SLOT) this.#empty(before)
    if (!this.#makeRoom(this.#slab.chunkSize(chunkLength) + ENTRY_OVERHEAD)) return NO_SLOT

    const slot = this.#takeSlot()
    const address = this.#slab.take(chunkLength)
    const page = this.#slab.page(address)
    let at = this.#slab.offset(address)
    writeKey(page, at, key.wire, question)
    at += questionSize
    copyBytes(wire, HEAD_START, page, at, HEAD_SIZE)
    at += HEAD_SIZE
    copyBytes(wire, question.end, page, at, recordBytes)
    at = writeTtlOffsets(page, at + recordBytes, records)
    copyBytes(errors.from, errors.at, page, at, errors.size)
    this.errorBytes[slot] = errors.size
    this.address[slot] = address
    this.recordBytes[slot] = recordBytes
    this.ttlCount[slot] = records.count
    this.storedAt[slot] = now
    this.expiresAt[slot] = now + seconds * 1000
    this.ede[slot] = ede
    this.rcode[slot] = records.rcode
    // A refreshed entry is as popular as it was.
    this.hits[slot] = hits
    this.lastHitAt[slot] = lastHitAt
    this.retryAt[slot] = 0
    this.variant[slot] = key.variant
    this.keyBytes[slot] = questionSize
    this.#budget.take(this.#cost(slot))
    this.#link(slot, key.hash)
    return slot
  }

  /** Forgets `key`. */
  delete(key: CacheKey): void {
    const slot = this.#lookUp(key)
    if (slot !== NO_SLOT) this.#empty(slot)
  }

  /** Entries that are still fresh: expired ones are kept for stale answers but not counted. */
  countFresh(now: number): number {
    let fresh = 0
    for (const slot of this.#slots) if (this.isFresh(slot, now)) fresh++
    return fresh
  }

  /** Slots of the `max` entries used last (fewer where there are fewer), the most recent at the end. */
  recent(max: number): Int32Array {
    return this.#slots.recent(max)
  }

  /**
   * Writes the entry into `out` as a whole message with id 0, its question in lower case and its TTLs
   * as stored, and returns its length; 0 where the slot holds no entry any more.
   */
  readMessage(slot: number, out: Buffer): number {
    if (!this.#slots.isTaken(slot)) return 0
    const address = this.address[slot]!
    const size = this.keyBytes[slot]!
    out[0] = out[1] = 0
    copyBytes(this.#slab.page(address), this.#slab.offset(address), out, HEADER_SIZE, size)
    return this.readKeepingTtl(slot, out, HEADER_SIZE + size)
  }

  /** Empties the store and gives its bytes back. */
  clear(): void {
    for (const slot of this.#slots) this.#empty(slot)
  }

  #makeRoom(bytes: number): boolean {
    while (this.#budget.wouldExceed(bytes)) if (!this.#evict()) return false
    return true
  }

  #takeSlot(): number {
    let slot = this.#slots.take()
    if (slot === NO_SLOT) {
      this.#evict()
      slot = this.#slots.take()
    }
    const { room } = this.#slots
    if (room > this.slotCount) {
      this.#chains.grow(room, (other) => other !== slot && this.#slots.isTaken(other))
      this.growColumns(room)
    }
    return slot
  }

  #link(slot: number, hash: number): void {
    const surplus = this.#chains.surplus(hash)
    if (surplus !== NO_SLOT) {
      this.#onCrowd()
      this.#empty(surplus)
      this.#onEvict()
    }
    this.#chains.link(slot, hash)
  }

  #evict(): boolean {
    const slot = this.#slots.oldest()
    if (slot === NO_SLOT) return false
    this.#empty(slot)
    this.#onEvict()
    return true
  }

  #cost(slot: number): number {
    const message = HEAD_SIZE + this.recordBytes[slot]! + 2 * this.ttlCount[slot]!
    const size = this.keyBytes[slot]! + message + this.errorBytes[slot]!
    return this.#slab.chunkSize(size) + ENTRY_OVERHEAD
  }

  #empty(slot: number): void {
    this.#chains.unlink(slot)
    this.#budget.give(this.#cost(slot))
    this.#slab.give(this.address[slot]!)
    this.#slots.give(slot)
  }
}
