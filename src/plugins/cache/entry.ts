import { copyBytes } from '../../lib/bytes.ts'
import type { Chained } from '../../lib/hash-chains.ts'
import { Link } from '../../lib/ring.ts'
import { read16, read32, write16, write32 } from '../../wire/bytes.ts'
import type { ErrorOptions } from '../../wire/edns.ts'
import { HEADER_SIZE } from '../../wire/header.ts'
import { keySize, matchesKey, writeKey } from '../../wire/question-key.ts'
import { readTtl, type Records } from '../../wire/records.ts'
import { alikeSize } from './alike.ts'
import type { CacheKey } from './cache-key.ts'
import { ANSWER_COUNT, At, HEAD_SIZE, HEAD_START, Time } from './chunk.ts'
import { newPage, type Page } from './slab.ts'

/** `At.Kind` of a denial. Others have `Query.alike` there, which is never 1. */
const DENIAL = 1
const GONE = -1
/** Of entries that have none yet. */
const noPage: Page = newPage(0)

/** Octets of the chunk for a message of `length` octets, as `records` and `errors` describe it. */
export function entrySize(
  { question }: CacheKey,
  length: number,
  records: Records,
  errors: ErrorOptions,
): number {
  const message = HEAD_SIZE + length - question.end + 2 * records.count
  return At.Question + keySize(question) + message + errors.size
}

/**
 * A stored answer: a view of a chunk of the slab, where all that belongs to it lies, so that twenty
 * thousand of them are small objects and hits allocate nothing. Where nobody has asked for one again, it
 * is a link of the ring of `Newcomers`.
 */
export class Entry extends Link implements Chained<Entry> {
  #page: Page = noPage
  /** Where the chunk begins in its page; GONE once it was given back. */
  #at = GONE
  /** By which its store finds it. */
  hash = 0
  behind: Entry | null = null
  /** How many writes its store had had when it was last used. */
  usedAt = 0

  /** The entry is new, and fresh for `seconds`: what `write()` writes begins at `at` of `page`. */
  begin(page: Page, at: number, now: number, seconds: number): void {
    this.#page = page
    this.#at = at
    const { bytes, doubles } = page
    const times = this.#times()
    doubles[times + Time.Stored] = now
    doubles[times + Time.Expires] = now + seconds * 1000
    doubles[times + Time.LastHit] = 0
    doubles[times + Time.Retry] = 0
    write32(bytes, at + At.Hits, 0)
  }

  /**
   * Fills the chunk, of `entrySize()` octets, with the message `wire[0..length)`, whose OPT is gone, as
   * `records` describes it. `ede` is an RFC 8914 code of our own, or −1.
   */
  write(
    key: CacheKey,
    isDenial: boolean,
    wire: Buffer,
    length: number,
    records: Records,
    ede: number,
    errors: ErrorOptions,
  ): void {
    const { bytes } = this.#page
    const { question } = key
    const start = this.#at
    const recordBytes = length - question.end
    write16(bytes, start + At.QuestionBytes, keySize(question))
    write16(bytes, start + At.RecordBytes, recordBytes)
    write16(bytes, start + At.TtlCount, records.count)
    write16(bytes, start + At.ErrorBytes, errors.size)
    write16(bytes, start + At.Ede, ede)
    bytes[start + At.Variant] = key.variant
    bytes[start + At.Kind] = isDenial ? DENIAL : alikeSize(wire, question.end, records)
    writeKey(bytes, start + At.Question, key.wire, question)
    let at = this.#message()
    copyBytes(wire, HEAD_START, bytes, at, HEAD_SIZE)
    at += HEAD_SIZE
    copyBytes(wire, question.end, bytes, at, recordBytes)
    at += recordBytes
    for (let i = 0; i < records.count; i++, at += 2) write16(bytes, at, records.ttlAt[i]!)
    copyBytes(errors.from, errors.at, bytes, at, errors.size)
  }

  /** The entry is as popular as `before`, in whose place it comes. */
  inherit(before: Entry): void {
    const { bytes, doubles } = before.#page
    this.#page.doubles[this.#times() + Time.LastHit] = doubles[before.#times() + Time.LastHit]!
    write32(this.#page.bytes, this.#at + At.Hits, read32(bytes, before.#at + At.Hits))
  }

  #times(): number {
    return this.#at >>> 3
  }

  /** Where flags and counts stand, and then the records. */
  #message(): number {
    return this.#at + At.Question + read16(this.#page.bytes, this.#at + At.QuestionBytes)
  }

  /** Whether this is the answer to the question of `key`. */
  answers({ question, variant, wire }: CacheKey): boolean {
    const { bytes } = this.#page
    const at = this.#at
    return (
      bytes[at + At.Variant] === variant &&
      read16(bytes, at + At.QuestionBytes) === keySize(question) &&
      matchesKey(bytes, at + At.Question, wire, question)
    )
  }

  /** True once the cache holds it no more: nothing else may be asked of it then. */
  get isGone(): boolean {
    return this.#at === GONE
  }

  /** Ends the entry; returns where its chunk begins in `page`. */
  end(): number {
    const at = this.#at
    this.#at = GONE
    return at
  }

  get page(): Page {
    return this.#page
  }

  get storedAt(): number {
    return this.#page.doubles[this.#times() + Time.Stored]!
  }

  get expiresAt(): number {
    return this.#page.doubles[this.#times() + Time.Expires]!
  }

  /** It is so many milliseconds older than it seemed. */
  age(ms: number): void {
    const { doubles } = this.#page
    const times = this.#times()
    doubles[times + Time.Stored]! -= ms
    doubles[times + Time.Expires]! -= ms
  }

  /** After a failed refresh the upstream is not asked again before this time. */
  get retryAt(): number {
    return this.#page.doubles[this.#times() + Time.Retry]!
  }

  set retryAt(time: number) {
    this.#page.doubles[this.#times() + Time.Retry] = time
  }

  /** `CacheKey.variant`. */
  get variant(): number {
    return this.#page.bytes[this.#at + At.Variant]!
  }

  get isDenial(): boolean {
    return this.#page.bytes[this.#at + At.Kind] === DENIAL
  }

  /** `Query.alike` of the answer; of no denial. */
  get alike(): number {
    return this.#page.bytes[this.#at + At.Kind]!
  }

  /** RFC 8914 code of our own, or −1. */
  get ede(): number {
    return (read16(this.#page.bytes, this.#at + At.Ede) << 16) >> 16
  }

  get rcode(): number {
    return this.#page.bytes[this.#message() + 1]! & 0x0f
  }

  /** Whether the answer section has records. */
  get hasAnswers(): boolean {
    return read16(this.#page.bytes, this.#message() + ANSWER_COUNT) > 0
  }

  isFresh(now: number): boolean {
    return now < this.expiresAt
  }

  /** Milliseconds since the entry expired; negative while it is fresh. */
  staleFor(now: number): number {
    return now - this.expiresAt
  }

  /** Counts a hit (prefetch); returns those since the last gap of `gap` ms or longer between two. */
  hit(now: number, gap: number): number {
    const { bytes, doubles } = this.#page
    const lastHit = this.#times() + Time.LastHit
    const at = this.#at + At.Hits
    const hits = now - doubles[lastHit]! < gap ? read32(bytes, at) + 1 : 1
    doubles[lastHit] = now
    write32(bytes, at, hits)
    return hits
  }

  /** Hits since the last long gap where `hit()` counts them, else all. */
  get hits(): number {
    return read32(this.#page.bytes, this.#at + At.Hits)
  }

  /** Counts a hit that nobody wants to know the popularity from. */
  countHit(): void {
    write32(this.#page.bytes, this.#at + At.Hits, this.hits + 1)
  }

  /** Whether no more than this share of the entry's time, rounded up to seconds, is left. */
  isNearEnd(now: number, percentage: number): boolean {
    const lifetime = (this.expiresAt - this.storedAt) / 1000
    const left = Math.max(0, Math.ceil((this.expiresAt - now) / 1000))
    return left <= Math.ceil((percentage / 100) * lifetime)
  }

  /**
   * Writes the entry into `out` as a message (id and question are left to the caller) and returns
   * its length. TTLs are lowered by the seconds since it was stored.
   */
  read(out: Buffer, questionEnd: number, now: number): number {
    const elapsed = Math.floor((now - this.storedAt) / 1000)
    const length = this.readKeepingTtl(out, questionEnd)
    if (elapsed !== 0) this.#changeTtls(out, elapsed, -1)
    return length
  }

  /** As `read()`, with every TTL set to `ttl` seconds. */
  readWithTtl(out: Buffer, questionEnd: number, ttl: number): number {
    const length = this.readKeepingTtl(out, questionEnd)
    this.#changeTtls(out, 0, ttl)
    return length
  }

  /** As `read()`, with the TTLs as stored (`keepttl`). */
  readKeepingTtl(out: Buffer, questionEnd: number): number {
    const { bytes } = this.#page
    const at = this.#message()
    const recordBytes = read16(bytes, this.#at + At.RecordBytes)
    copyBytes(bytes, at, out, HEAD_START, HEAD_SIZE)
    copyBytes(bytes, at + HEAD_SIZE, out, questionEnd, recordBytes)
    return questionEnd + recordBytes
  }

  /** Takes `elapsed` seconds off the TTLs in `out`, or sets all to `fixed` where it is not negative. */
  #changeTtls(out: Buffer, elapsed: number, fixed: number): void {
    const { bytes } = this.#page
    let at = this.#message() + HEAD_SIZE + read16(bytes, this.#at + At.RecordBytes)
    const end = at + 2 * read16(bytes, this.#at + At.TtlCount)
    for (; at < end; at += 2) {
      const ttlAt = read16(bytes, at)
      write32(out, ttlAt, fixed >= 0 ? fixed : Math.max(0, readTtl(out, ttlAt) - elapsed))
    }
  }

  /** Lets `errors` describe the extended errors of the entry, which stay where they are. */
  readErrors(errors: ErrorOptions): void {
    const { bytes } = this.#page
    const size = read16(bytes, this.#at + At.ErrorBytes)
    if (size === 0) return
    const records = read16(bytes, this.#at + At.RecordBytes)
    const offsets = 2 * read16(bytes, this.#at + At.TtlCount)
    errors.set(bytes, this.#message() + HEAD_SIZE + records + offsets, size)
  }

  /** Writes the question, in lower case, where a message has it, and returns the offset behind it. */
  readQuestion(out: Buffer): number {
    const { bytes } = this.#page
    const size = read16(bytes, this.#at + At.QuestionBytes)
    copyBytes(bytes, this.#at + At.Question, out, HEADER_SIZE, size)
    return HEADER_SIZE + size
  }

  /** Writes the entry, TTLs as stored, into `out` as a whole message of id 0; returns its length. */
  readMessage(out: Buffer): number {
    out[0] = out[1] = 0
    return this.readKeepingTtl(out, this.readQuestion(out))
  }
}
