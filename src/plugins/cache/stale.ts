import type { Clock } from '../../lib/clock.ts'
import type { Handler } from '../../serve/plugin.ts'
import { Outcome, type Query } from '../../serve/query.ts'
import { Ede, Rcode } from '../../wire/codes.ts'
import type { CacheKey } from './cache-key.ts'
import type { StaleConfig } from './config.ts'
import type { CountersByServer } from './metrics.ts'
import { NO_SLOT } from './slot-chains.ts'
import type { Store } from './store.ts'
import type { CacheStores } from './stores.ts'

/** Where an expired answer was found. */
export interface StaleEntry {
  readonly store: Store
  readonly slot: number
}

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
  find(key: CacheKey): StaleEntry | null {
    const { success, denial } = this.#stores
    return this.choose(success.find(key), denial.find(key))
  }

  /** The same for slots that have been found already. */
  choose(positive: number, negative: number): StaleEntry | null {
    const { success, denial } = this.#stores
    if (this.#isUsable(success, positive)) return { store: success, slot: positive }
    return this.#isUsable(denial, negative) ? { store: denial, slot: negative } : null
  }

  #isUsable(store: Store, slot: number): boolean {
    if (slot === NO_SLOT) return false
    const rcode = store.rcode[slot]
    if (rcode === Rcode.ServFail || rcode === Rcode.NotImp) return false
    return store.staleFor(slot, this.#clock.now) < this.config.window
  }

  /** Whether the success in `slot`, expired or not there, beats a fresh denial of this rcode. */
  beats(slot: number, rcode: number): boolean {
    if (slot === NO_SLOT) return false
    const { success } = this.#stores
    if (success.staleFor(slot, this.#clock.now) >= this.config.window) return false
    return rcode === Rcode.ServFail || (this.config.preferPositive && success.hasAnswers(slot))
  }

  /** True while the upstream is not to be asked for this name again. */
  backingOff({ store, slot }: StaleEntry): boolean {
    return this.#clock.now < store.retryAt[slot]!
  }

  /** A refresh has failed: RFC 8767 §5's failure recheck timer starts. */
  backOff({ store, slot }: StaleEntry): void {
    store.retryAt[slot] = this.#clock.now + this.config.recheck
  }

  /** Answers `q` from the entry, with the configured TTL and the extended error that says so. */
  answer(q: Query, { store, slot }: StaleEntry, done: Handler): void {
    const counters = this.#counters.of(q.server)
    if (store === this.#stores.success) counters.successHits++
    else counters.denialHits++
    counters.servedStale++
    q.outLength = store.readWithTtl(slot, q.reserve(), q.question.end, this.config.responseTtl)
    q.outcome = Outcome.Message
    q.records = null
    store.readErrors(slot, q.errors)
    q.error = null
    q.ede = store.rcode[slot] === Rcode.NXDomain ? Ede.StaleNxdomain : Ede.StaleAnswer
    q.answeredBy = 'cache'
    done(q)
  }
}
