import type { ByteBudget } from '../../lib/byte-budget.ts'
import type { Query } from '../../serve/query.ts'
import { type ZoneTable, zoneTable } from '../../serve/zone-table.ts'
import { Flag, Rcode } from '../../wire/codes.ts'
import { HEADER_SIZE, Section, writeCount, writeFlags } from '../../wire/header.ts'
import { Records } from '../../wire/records.ts'
import type { CacheKey } from './cache-key.ts'
import type { CacheConfig } from './config.ts'
import type { Entry } from './entry.ts'
import type { CacheCounters } from './metrics.ts'
import { boundSoa, boundTtls, denialSeconds, isAnswer, successSeconds, Verdict } from './policy.ts'
import { Slab } from './slab.ts'
import { Store } from './store.ts'

/** RFC 9520 §3.1 asks for at least one second; more would prolong every short outage. */
const FAILURE_SECONDS = 1

/** A reply without records, as resolution failures are stored. */
const failureHeader = Buffer.alloc(HEADER_SIZE)
writeFlags(failureHeader, Flag.QR | Rcode.ServFail)
writeCount(failureHeader, Section.Question, 1)
const noRecords = new Records()
noRecords.rcode = Rcode.ServFail

/** The two stores of one cache. They survive a reload that leaves the block's answers as they are. */
export class CacheStores {
  readonly success: Store
  readonly denial: Store
  /** Who is charged for an eviction: the server that stored something last. */
  #charged: CacheCounters | null = null

  constructor(successCapacity: number, denialCapacity: number, budget: ByteBudget) {
    const slab = new Slab()
    this.success = new Store(successCapacity, false, slab, budget, () => {
      if (this.#charged !== null) this.#charged.successEvictions++
    })
    this.denial = new Store(denialCapacity, true, slab, budget, () => {
      if (this.#charged !== null) this.#charged.denialEvictions++
    })
  }

  /**
   * Bounds the TTLs of the message in `q.out` as the directive says and stores it where the verdict
   * and the configuration allow. A good reply takes the place of what is stored in any case, by
   * ending it where it may not be stored itself. `q.records` describes the message.
   */
  remember(
    key: CacheKey,
    q: Query,
    verdict: Verdict,
    rules: StoreRules,
    now: number,
    counters: CacheCounters,
  ): void {
    this.#charged = counters
    if (verdict === Verdict.Success) this.#rememberSuccess(key, q, rules, now)
    else if (verdict === Verdict.Denial) this.#rememberDenial(key, q, rules, now)
    else if (verdict === Verdict.ServerError) this.#rememberError(key, q, rules, now)
    else {
      if (verdict === Verdict.Uncacheable) this.#refute(key, rules, now)
      boundUnstored(q, rules.config)
    }
  }

  #rememberSuccess(key: CacheKey, q: Query, rules: StoreRules, now: number): void {
    const records = q.records!
    const { minTtl, maxTtl } = rules.config.success
    const seconds = clamp(successSeconds(records), minTtl, maxTtl)
    boundTtls(q.out, records, minTtl, maxTtl)
    const answers = isAnswer(Verdict.Success, records)
    if (!answers && this.lastKnownGood(key, rules, now) !== null) return
    if (seconds === 0 || rules.keepsOut(rules.withoutSuccess, q)) this.success.delete(key)
    else this.success.write(key, q.out, q.outLength, records, seconds, now, q.ede, q.errors)
    this.denial.delete(key)
  }

  #rememberDenial(key: CacheKey, q: Query, rules: StoreRules, now: number): void {
    const records = q.records!
    const { minTtl, maxTtl } = rules.config.denial
    const seconds = clamp(denialSeconds(records), minTtl, maxTtl)
    boundTtls(q.out, records, minTtl, maxTtl)
    boundSoa(q.out, records, seconds)
    if (seconds === 0 || rules.keepsOut(rules.withoutDenial, q)) this.denial.delete(key)
    else this.denial.write(key, q.out, q.outLength, records, seconds, now, q.ede, q.errors)
    if (this.lastKnownGood(key, rules, now) === null) this.success.delete(key)
  }

  /**
   * A good reply that is not stored itself: what was stored is wrong or will soon be, and expired it
   * would come back as a stale answer (RFC 8767 §4 wants new data to replace it).
   */
  #refute(key: CacheKey, rules: StoreRules, now: number): void {
    this.denial.delete(key)
    if (this.lastKnownGood(key, rules, now) === null) this.success.delete(key)
  }

  /**
   * The success that `prefer_positive` keeps in spite of every reply without an answer, until the stale
   * answers' time is over; null where there is none, or no such policy.
   */
  lastKnownGood(key: CacheKey, rules: StoreRules, now: number): Entry | null {
    const { stale } = rules.config
    if (stale === null || !stale.preferPositive) return null
    const entry = this.success.find(key)
    if (entry === null || !entry.hasAnswers) return null
    return entry.staleFor(now) < stale.window ? entry : null
  }

  #rememberError(key: CacheKey, q: Query, rules: StoreRules, now: number): void {
    const seconds = rules.config.servfail / 1000
    if (seconds === 0 || rules.keepsOut(rules.withoutDenial, q)) return
    const { out, outLength, ede, errors } = q
    boundTtls(out, q.records!, 0, seconds)
    this.denial.write(key, out, outLength, q.records!, seconds, now, ede, errors)
  }

  /** Remembers that no upstream answered: the next to ask do not wait for it again. */
  rememberFailure(key: CacheKey, q: Query, rules: StoreRules, now: number): void {
    const seconds = Math.min(FAILURE_SECONDS, rules.config.servfail / 1000)
    if (seconds === 0 || rules.keepsOut(rules.withoutDenial, q)) return
    this.denial.write(key, failureHeader, q.question.end, noRecords, seconds, now, q.ede, q.errors)
  }

  /** All answers are so many milliseconds older than they seemed. */
  age(ms: number): void {
    for (const store of [this.success, this.denial]) {
      for (const entry of store.recent(Infinity)) entry.age(ms)
    }
  }

  clear(): void {
    this.success.clear()
    this.denial.clear()
  }
}

/** Clients have caches of their own: what is not stored is no fresher for them than what is. */
function boundUnstored(q: Query, config: CacheConfig): void {
  const records = q.records!
  const isDenial = records.rcode === Rcode.NXDomain || records.answerCount === 0
  const { minTtl, maxTtl } = isDenial ? config.denial : config.success
  boundTtls(q.out, records, minTtl, maxTtl)
}

/** A cache's configuration with its zone lists made ready for look-ups. */
export class StoreRules {
  readonly config: CacheConfig
  /** Zones whose answers of that kind are not stored. */
  readonly withoutSuccess: ZoneTable<true>
  readonly withoutDenial: ZoneTable<true>

  constructor(config: CacheConfig) {
    this.config = config
    this.withoutSuccess = zoneTable(config.withoutSuccess)
    this.withoutDenial = zoneTable(config.withoutDenial)
  }

  keepsOut(zones: ZoneTable<true>, q: Query): boolean {
    return !zones.empty && zones.find(q.wire, q.question) !== undefined
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(value, max))
}
