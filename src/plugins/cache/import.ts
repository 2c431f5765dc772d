import type { Clock } from '../../lib/clock.ts'
import { zoneTable } from '../../serve/zone-table.ts'
import { Flag, Rcode } from '../../wire/codes.ts'
import { BAD_OPTIONS, ErrorOptions, findEde, gatherErrors } from '../../wire/edns.ts'
import { HEADER_SIZE, readCount, readFlags, Section } from '../../wire/header.ts'
import { hashQuestion } from '../../wire/question-key.ts'
import { parseQuestion, Question } from '../../wire/question.ts'
import { Records, scanRecords } from '../../wire/records.ts'
import { WireStatus } from '../../wire/status.ts'
import { CacheKey } from './cache-key.ts'
import {
  type CachesByKey,
  CacheTransferError,
  ENTRY_HEAD,
  EntryAt,
  exportCaches,
  Item,
  keyDigest,
  SECTION_SIZE,
  transferMagic,
} from './export.ts'
import { boundSoa, boundTtls } from './policy.ts'
import type { CacheStores, StoreRules } from './stores.ts'

/** What `CacheKey.variant` can be. */
const MAX_VARIANT = 3
/** No TTL is longer than 2^31 seconds, and no clock of the same machine is further ahead. */
const MAX_LIFETIME = 2 ** 31 * 1000
const MAX_AHEAD = 60_000

/**
 * Says for how many seconds an entry is fresh in its new place, 0 for not at all, given those of its
 * old one. May change the TTLs in `wire`, which holds the message that `records` describes.
 */
type Admit = (
  kind: 'success' | 'denial',
  wire: Buffer,
  question: Question,
  records: Records,
  seconds: number,
) => number

const asBefore: Admit = (_kind, _wire, _question, _records, seconds) => seconds

const nothing: Buffer = Buffer.alloc(0)

/**
 * Fills caches from the stream of `exportCaches`, cut anywhere into pieces. Sections of caches that
 * are not here are passed over. Nothing of the stream is believed: messages are scanned as if an
 * upstream had sent them. A caller that gets an error from `push` or `end` calls `discard`.
 */
export class CacheImport {
  /** Entries stored so far. */
  entries = 0
  readonly #caches: ReadonlyMap<string, CacheStores>
  readonly #offset: number
  readonly #now: number
  readonly #admit: Admit
  readonly #key = new CacheKey()
  readonly #question = new Question()
  readonly #records = new Records()
  readonly #errors = new ErrorOptions()
  /** Octets of an item whose rest is still to come. */
  #rest: Buffer = nothing
  #started = false
  #ended = false
  /** Where entries go; null while they are passed over. */
  #stores: CacheStores | null = null

  /** @param wall milliseconds since 1970 */
  constructor(
    caches: CachesByKey,
    clock: Clock,
    wall: () => number = Date.now,
    admit: Admit = asBefore,
  ) {
    this.#admit = admit
    this.#caches = new Map([...caches].map(([key, stores]) => [hex(keyDigest(key)), stores]))
    this.#now = clock.refresh()
    this.#offset = wall() - this.#now
  }

  /** Takes the next octets of the stream, borrowed until this returns. Throws CacheTransferError. */
  push(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    let at = 0
    for (;;) {
      const size = this.#take(bytes, at)
      if (size === 0) break
      at += size
    }
    this.#rest = Buffer.copyBytesFrom(bytes, at)
  }

  /** The stream is over. Throws CacheTransferError where its end is missing. */
  end(): void {
    if (!this.#ended) throw broken('it is cut off')
  }

  /** Empties every cache again: what came of a broken stream is not kept. */
  discard(): void {
    for (const stores of this.#caches.values()) stores.clear()
    this.entries = 0
  }

  /** Returns the octets of the item at `at`, which has been dealt with; 0 where it is not all there. */
  #take(bytes: Buffer, at: number): number {
    const left = bytes.length - at
    if (!this.#started) return this.#start(bytes)
    if (left === 0) return 0
    if (this.#ended) throw broken('it goes on behind its end')
    switch (bytes[at]) {
      case Item.End:
        this.#ended = true
        return 1
      case Item.Section:
        if (left < SECTION_SIZE) return 0
        this.#stores = this.#caches.get(hex(bytes.subarray(at + 1, at + SECTION_SIZE))) ?? null
        return SECTION_SIZE
      case Item.Success:
      case Item.Denial: {
        if (left < ENTRY_HEAD) return 0
        const message = bytes.readUInt16BE(at + EntryAt.Size)
        const size = ENTRY_HEAD + message + bytes.readUInt16BE(at + EntryAt.Errors)
        if (left < size) return 0
        if (this.#stores !== null) this.#store(this.#stores, bytes.subarray(at, at + size))
        return size
      }
      default:
        throw broken(`it has an item of kind ${bytes[at]}`)
    }
  }

  #start(bytes: Buffer): number {
    const { length } = transferMagic
    if (bytes.length < length) return 0
    if (transferMagic.compare(bytes, 0, length) !== 0) throw broken('its format is another one')
    this.#started = true
    return length
  }

  #store({ success, denial }: CacheStores, entry: Buffer): void {
    const errorsAt = ENTRY_HEAD + entry.readUInt16BE(EntryAt.Size)
    const wire = entry.subarray(ENTRY_HEAD, errorsAt)
    const variant = entry[EntryAt.Variant]!
    const ede = entry.readInt16BE(EntryAt.Ede)
    const storedAt = entry.readDoubleBE(EntryAt.Stored) - this.#offset
    const lifetime = entry.readDoubleBE(EntryAt.Expires) - this.#offset - storedAt
    if (variant > MAX_VARIANT || ede < -1) throw broken('an entry has an impossible key')
    // Written so that what is no number fails too.
    if (!(lifetime > 0 && lifetime <= MAX_LIFETIME && storedAt <= this.#now + MAX_AHEAD)) {
      throw broken('an entry has impossible times')
    }
    const question = this.#question
    const records = this.#records
    if (
      wire.length < HEADER_SIZE ||
      (readFlags(wire) & Flag.QR) === 0 ||
      readCount(wire, Section.Question) !== 1 ||
      parseQuestion(wire, wire.length, question) !== WireStatus.Ok ||
      scanRecords(wire, wire.length, question, records) !== WireStatus.Ok ||
      records.end !== wire.length ||
      records.optAt >= 0
    ) {
      throw broken('an entry is no DNS message')
    }
    if (findEde(entry, errorsAt, entry.length) === BAD_OPTIONS) {
      throw broken('an entry has extended errors that are none')
    }
    gatherErrors(entry, errorsAt, entry.length, this.#errors)
    const kind = entry[0] === Item.Success ? 'success' : 'denial'
    const seconds = this.#admit(kind, wire, question, records, lifetime / 1000)
    if (seconds <= 0) return
    const key = this.#key
    key.variant = variant
    key.wire = wire
    key.question = question
    key.hash = hashQuestion(wire, question, variant)
    const store = kind === 'success' ? success : denial
    // Of the future where the wall clock was set back meanwhile: its TTLs would be longer than they came.
    const since = Math.min(storedAt, this.#now)
    store.write(key, wire, wire.length, records, seconds, since, ede, this.#errors)
    this.entries++
  }
}

function hex(digest: Buffer): string {
  return digest.toString('hex')
}

function broken(reason: string): CacheTransferError {
  return new CacheTransferError(
    'E_CACHE_TRANSFER',
    `Cannot read the cache that was handed over: ${reason}`,
  )
}

/**
 * Copies what other caches hold into one with other limits or zones, each entry bounded anew: a reload
 * that changes `cache` or a block's zones is no reason to ask the upstream for everything. In slices, so
 * that no query waits for it.
 *
 * @param zones those of the block from now on; what lies outside of them is left out
 */
export async function carryOver(
  from: readonly CacheStores[],
  to: CacheStores,
  rules: StoreRules,
  zones: readonly string[],
  clock: Clock,
): Promise<void> {
  const key = 'carried over'
  const admit = admission(rules, zones)
  for (const stores of from) {
    const copy = new CacheImport(new Map([[key, to]]), clock, Date.now, admit)
    for (const piece of exportCaches(new Map([[key, stores]]), clock)) {
      copy.push(piece)
      await new Promise(setImmediate)
    }
  }
}

/** How long an entry may live under the rules of another cache than the one it was stored by. */
function admission(rules: StoreRules, zones: readonly string[]): Admit {
  const served = zoneTable(zones)
  const { success, denial } = rules.config
  const holds = { success: rules.withoutSuccess, denial: rules.withoutDenial }
  return (kind, wire, question, records, seconds) => {
    if (served.find(wire, question) === undefined) return 0
    const excepted = holds[kind]
    if (!excepted.empty && excepted.find(wire, question) !== undefined) return 0
    // A failure has a time of its own, seconds at most.
    if (records.rcode === Rcode.ServFail) return seconds
    const { minTtl, maxTtl } = kind === 'success' ? success : denial
    boundTtls(wire, records, minTtl, maxTtl)
    const bounded = Math.max(minTtl, Math.min(seconds, maxTtl))
    if (kind === 'denial') boundSoa(wire, records, bounded)
    return bounded
  }
}
