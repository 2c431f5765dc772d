import type { Clock } from '../../lib/clock.ts'
import type { Handler } from '../../serve/plugin.ts'
import { Outcome, type Query } from '../../serve/query.ts'
import { Ede, Rcode } from '../../wire/codes.ts'
import type { CacheKey } from './cache-key.ts'
import type { Entry } from './entry.ts'
import type { CountersByServer } from './metrics.ts'
import type { StaleConfig } from './stale-config.ts'
import type { CacheStores } from './stores.ts'

/** Answers from entries whose time is over (RFC 8767). */
export class StaleAnswers {
  readonly config: StaleConfig
  readonly #stores: CacheStores
  readonly #clock: Clock
  readonly #counters: CountersByServer

  constructor(config: StaleConfig, stores: CacheStores, clock: Clock, counters: CountersByServer) {
    this.config = config
    this.#stores = stores
    this.#clock = clock
    this.#counters = counters
  }

  /** The expired answer to serve for `key`, success before denial; never a remembered failure. */
  find(key: CacheKey): Entry | null {
    return this.choose(this.#stores.success.find(key), this.#stores.denial.find(key))
  }

  /** The same for entries that have been found already. */
  choose(positive: Entry | null, negative: Entry | null): Entry | null {
    if (this.#isUsable(positive)) return positive
    return this.#isUsable(negative) ? negative : null
  }

  #isUsable(entry: Entry | null): boolean {
    if (entry === null || !this.#isInTime(entry)) return false
    const { rcode } = entry
    return rcode !== Rcode.ServFail && rcode !== Rcode.NotImp
  }

  #isInTime(entry: Entry): boolean {
    return entry.staleFor(this.#clock.now) < this.config.window
  }

  /** Whether the success `positive`, expired or not there, beats a fresh denial. */
  beats(positive: Entry | null, denial: Entry): boolean {
    if (positive === null || !this.#isInTime(positive)) return false
    return denial.rcode === Rcode.ServFail || (this.config.preferPositive && positive.hasAnswers)
  }

  /** True while the upstream is not to be asked for this name again. */
  backingOff(entry: Entry): boolean {
    return this.#clock.now < entry.retryAt
  }

  /** A refresh has failed: RFC 8767 §5's failure recheck timer starts. */
  backOff(entry: Entry): void {
    entry.retryAt = this.#clock.now + this.config.recheck
  }

  /** Answers `q` from the entry, with the configured TTL and the extended error that says so. */
  answer(q: Query, entry: Entry, done: Handler): void {
    const counters = this.#counters.of(q.server)
    if (entry.isDenial) counters.denialHits++
    else counters.successHits++
    counters.servedStale++
    entry.countHit()
    q.outLength = entry.readWithTtl(q.reserve(), q.question.end, this.config.responseTtl)
    q.outcome = Outcome.Message
    q.records = null
    entry.readErrors(q.errors)
    q.error = null
    q.ede = entry.rcode === Rcode.NXDomain ? Ede.StaleNxdomain : Ede.StaleAnswer
    q.answeredBy = 'cache'
    done(q)
  }
}
