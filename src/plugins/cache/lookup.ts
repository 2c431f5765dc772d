import type { Clock } from '../../lib/clock.ts'
import { keptQueries } from '../../serve/kept-queries.ts'
import type { Handler } from '../../serve/plugin.ts'
import { Outcome, type Query } from '../../serve/query.ts'
import type { ZoneTable } from '../../serve/zone-table.ts'
import { CacheKey } from './cache-key.ts'
import type { CacheConfig } from './config.ts'
import type { Entry } from './entry.ts'
import type { Flight } from './flight.ts'
import type { Flights } from './flights.ts'
import type { CacheCounters, CountersByServer } from './metrics.ts'
import type { StaleAnswers } from './stale.ts'
import type { CacheStores } from './stores.ts'

export interface LookupParts {
  readonly config: CacheConfig
  readonly stores: CacheStores
  readonly clock: Clock
  readonly counters: CountersByServer
  readonly stale: StaleAnswers | null
  readonly flights: Flights
  /** Null where the cache covers every zone of its block. */
  readonly zones: ZoneTable<true> | null
  readonly next: Handler
  readonly done: Handler
}

/** The way down through the cache: a hit is answered here and now, a miss becomes a flight. */
export class Lookup {
  readonly #parts: LookupParts
  /** The key of the query at hand. */
  readonly #key = new CacheKey()

  constructor(parts: LookupParts) {
    this.#parts = parts
  }

  readonly handle = (q: Query): void => {
    const { clock, counters, next, stale, stores, zones } = this.#parts
    if (q.asker !== null || (zones !== null && zones.find(q.wire, q.question) === undefined)) {
      next(q)
      return
    }
    const counted = counters.of(q.server)
    counted.requests++
    const { now } = clock
    const key = this.#key
    key.read(q)
    const positive = stores.success.find(key)
    if (positive !== null && positive.isFresh(now)) {
      counted.successHits++
      q.alike = positive.alike
      this.#hit(q, key, positive, counted)
      return
    }
    const negative = stores.denial.find(key)
    if (negative !== null && negative.isFresh(now) && stale?.beats(positive, negative) !== true) {
      counted.denialHits++
      this.#hit(q, key, negative, counted)
      return
    }
    this.#miss(q, key, counted, positive, negative)
  }

  #hit(q: Query, key: CacheKey, entry: Entry, counted: CacheCounters): void {
    const { clock, config, done } = this.#parts
    const out = q.reserve()
    q.outLength = config.keepTtl
      ? entry.readKeepingTtl(out, q.question.end)
      : entry.read(out, q.question.end, clock.now)
    q.outcome = Outcome.Message
    q.ede = entry.ede
    entry.readErrors(q.errors)
    q.answeredBy = 'cache'
    let refresh: Flight | null = null
    if (config.prefetch === null) entry.countHit()
    else refresh = this.#prefetch(q, key, entry)
    done(q)
    if (refresh !== null) this.#parts.flights.launch(refresh, counted)
  }

  /** Counts the hit; a popular entry near its end is refreshed while it is still served. */
  #prefetch(q: Query, key: CacheKey, entry: Entry): Flight | null {
    const { now } = this.#parts.clock
    const { amount, duration, percentage } = this.#parts.config.prefetch!
    if (entry.hit(now, duration) < amount) return null
    if (!entry.isNearEnd(now, percentage) || now < entry.retryAt) return null
    return this.#parts.flights.prepareRefresh(q, key)
  }

  #miss(
    q: Query,
    key: CacheKey,
    counted: CacheCounters,
    positive: Entry | null,
    negative: Entry | null,
  ): void {
    const { done, flights, stale } = this.#parts
    const flight = flights.find(key)
    const entry = stale === null ? null : stale.choose(positive, negative)
    if (stale !== null && entry !== null) {
      const backingOff = stale.backingOff(entry)
      const atOnce = !stale.config.askFirst || backingOff || flight?.overdue === true
      if (atOnce || !keptQueries.admits(q)) {
        // Copied before the reply ends the query, launched after: it may land at once.
        const refresh = backingOff ? null : flights.prepareRefresh(q, key)
        if (flight !== null) q.upstream = flight.leader.upstream
        stale.answer(q, entry, done)
        if (refresh !== null) flights.launch(refresh, counted)
        return
      }
    }
    counted.misses++
    if (stale !== null && entry !== null) {
      const { timeout } = stale.config
      if (flight === null) flights.askBeforeStale(q, key, timeout)
      else flights.joinBeforeStale(flight, q, counted, timeout)
    } else if (flight === null) flights.ask(q, key)
    else flights.join(flight, q, counted)
  }
}
