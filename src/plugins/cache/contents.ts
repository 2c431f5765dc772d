import type { Clock } from '../../lib/clock.ts'
import type { CacheContents, CachedAnswer, CacheFill } from '../../serve/inspection.ts'
import { Flag, Rcode, rcodeName, typeName } from '../../wire/codes.ts'
import { HEADER_SIZE } from '../../wire/header.ts'
import { nameToText } from '../../wire/name.ts'
import { recordText } from '../../wire/presentation/record-text.ts'
import { makeQuery } from '../../wire/query.ts'
import { hashQuestion } from '../../wire/question-key.ts'
import { parseQuestion, Question } from '../../wire/question.ts'
import { MAX_MESSAGE, Records, scanRecords } from '../../wire/records.ts'
import { CacheKey } from './cache-key.ts'
import type { CacheConfig } from './config.ts'
import type { Entry } from './entry.ts'
import type { Store } from './store.ts'
import type { CacheStores } from './stores.ts'

/** Values of `CacheKey.variant`: DO and CD. */
const VARIANTS = [0, 1, 2, 3]

/** What it takes to read an entry: 110 kB, made by the first who wants to. */
class Reader {
  readonly out: Buffer = Buffer.allocUnsafeSlow(2 * MAX_MESSAGE)
  readonly question: Question = new Question()
  readonly records: Records = new Records()
}

let reader: Reader | null = null

/** The answers of one cache for people; looking at them does not count as a use. */
export class Contents implements CacheContents {
  readonly #stores: CacheStores
  readonly #config: Pick<CacheConfig, 'keepTtl' | 'stale'>
  readonly #clock: Clock

  constructor(stores: CacheStores, config: Pick<CacheConfig, 'keepTtl' | 'stale'>, clock: Clock) {
    this.#stores = stores
    this.#config = config
    this.#clock = clock
  }

  fill(): CacheFill {
    const [success, denial] = [this.#stores.success.fill, this.#stores.denial.fill]
    return {
      success: { entries: success.entries, capacity: success.capacity },
      denial: { entries: denial.entries, capacity: denial.capacity },
      bytes: success.bytes + denial.bytes,
    }
  }

  lookUp(name: string, type: number): readonly CachedAnswer[] {
    const key = keyOf(name, type)
    if (key === null) return []
    const now = this.#clock.refresh()
    return VARIANTS.flatMap((variant) => {
      key.variant = variant
      key.hash = hashQuestion(key.wire, key.question, variant)
      return this.#both().flatMap((store) => {
        const entry = store.peek(key.hash)
        return entry?.answers(key) === true ? [this.#present(entry, now)] : []
      })
    })
  }

  *dump(): Generator<CachedAnswer> {
    for (const store of this.#both()) {
      for (const hash of store.hashes()) {
        const entry = store.peek(hash)
        if (entry !== null) yield this.#present(entry, this.#clock.refresh())
      }
    }
  }

  *purge(matches: (name: string, type: number) => boolean): Generator<number> {
    for (const store of this.#both()) {
      for (const hash of store.hashes()) {
        const entry = store.peek(hash)
        const isMeant = entry !== null && matches(...questionOf(entry))
        if (isMeant) store.drop(hash)
        yield isMeant ? 1 : 0
      }
    }
  }

  #both(): readonly [Store, Store] {
    return [this.#stores.success, this.#stores.denial]
  }

  #present(entry: Entry, now: number): CachedAnswer {
    const [name, type] = questionOf(entry)
    const staleFor = this.#staleFor(entry, now)
    return {
      name,
      type: typeName(type),
      store: entry.isDenial ? 'denial' : 'success',
      rcode: rcodeName(entry.rcode),
      dnssecOk: (entry.variant & 1) !== 0,
      checkingDisabled: (entry.variant & 2) !== 0,
      ttl: secondsUntil(entry.expiresAt - now),
      staleFor,
      hits: entry.hits,
      records: this.#records(entry, now, staleFor > 0),
    }
  }

  /** As `StaleAnswers` has it: no failure is served stale. */
  #staleFor(entry: Entry, now: number): number {
    const { stale } = this.#config
    if (stale === null || entry.rcode === Rcode.ServFail || entry.rcode === Rcode.NotImp) return 0
    return Math.max(0, Math.ceil((stale.window - Math.max(0, entry.staleFor(now))) / 1000))
  }

  #records(entry: Entry, now: number, mayBeStale: boolean): readonly string[] {
    const { out, question, records } = (reader ??= new Reader())
    entry.readMessage(out)
    parseQuestion(out, out.length, question)
    const { stale, keepTtl } = this.#config
    const { end } = question
    const isStale = !entry.isFresh(now) && mayBeStale
    const length = isStale
      ? entry.readWithTtl(out, end, stale!.responseTtl)
      : keepTtl
        ? entry.readKeepingTtl(out, end)
        : entry.read(out, end, now)
    // What is stored has been scanned before: it is sound.
    scanRecords(out, length, question, records)
    return Array.from({ length: records.count }, (_, i) => recordText(out, records, i))
  }
}

/** Null where the name is none. */
function keyOf(name: string, type: number): CacheKey | null {
  const query = makeQuery(0, Flag.RD, name, type)
  if (query === null) return null
  const key = new CacheKey()
  key.wire = query
  key.question = new Question()
  parseQuestion(query, query.length, key.question)
  return key
}

function questionOf(entry: Entry): [name: string, type: number] {
  const { out, question } = (reader ??= new Reader())
  entry.readQuestion(out)
  parseQuestion(out, out.length, question)
  return [nameToText(out, HEADER_SIZE, question.end) ?? '.', question.type]
}

/** Whole seconds, those begun included; what has expired is −1 or less. */
function secondsUntil(ms: number): number {
  return ms > 0 ? Math.ceil(ms / 1000) : Math.min(-1, Math.floor(ms / 1000))
}
