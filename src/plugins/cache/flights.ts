import type { Clock } from '../../lib/clock.ts'
import { LONGEST_TIMER_MS } from '../../lib/longest-timer.ts'
import { scanReply } from '../../serve/finish.ts'
import { keptQueries } from '../../serve/kept-queries.ts'
import type { Handler } from '../../serve/plugin.ts'
import { Outcome, type Query } from '../../serve/query.ts'
import { failAll, failWaiters, SharedReply } from '../../serve/shared-reply.ts'
import { Ede, Rcode, Type } from '../../wire/codes.ts'
import type { CacheKey } from './cache-key.ts'
import type { Entry } from './entry.ts'
import { Flight, FlightTable, inBackground } from './flight.ts'
import type { CacheCounters, CountersByServer } from './metrics.ts'
import { isAnswer, judge, Verdict } from './policy.ts'
import type { StaleAnswers } from './stale.ts'
import type { CacheStores, StoreRules } from './stores.ts'

export interface FlightsParts {
  readonly rules: StoreRules
  readonly stores: CacheStores
  readonly clock: Clock
  readonly counters: CountersByServer
  /** Null where stale answers are switched off. */
  readonly stale: StaleAnswers | null
  /** The stages below, and the end of a query at the cache. */
  readonly next: Handler
  readonly done: Handler
}

/** Questions under way to the stages below: identical ones over one transport are merged into one flight. */
export class Flights {
  readonly #parts: FlightsParts
  readonly #flights = new FlightTable()
  readonly #shared = new SharedReply()

  constructor(parts: FlightsParts) {
    this.#parts = parts
  }

  find(key: CacheKey): Flight | null {
    return this.#flights.find(key)
  }

  /** Asks for a client that waits until the answer comes. */
  ask(q: Query, key: CacheKey): void {
    if (!this.#admits(q)) return
    this.#takeOff(Flight.plan(key, q.keep(), false, this.#parts.clock.now))
  }

  /** Asks for a client, admitted, that has a stale answer to fall back on after `timeout` ms. */
  askBeforeStale(q: Query, key: CacheKey, timeout: number): void {
    const { now } = this.#parts.clock
    const waiter = q.keep()
    const flight = Flight.plan(key, inBackground(waiter, now), true, now)
    flight.join(waiter)
    this.#limit(flight, timeout)
    this.#takeOff(flight)
  }

  /**
   * A flight on the cache's own account, to be launched once `q` is answered; null where the
   * question is under way already, or too much is.
   */
  prepareRefresh(q: Query, key: CacheKey): Flight | null {
    if (this.find(key) !== null || !keptQueries.hasRoom(q)) return null
    const { now } = this.#parts.clock
    return Flight.plan(key, inBackground(q, now), true, now)
  }

  launch(refresh: Flight, counters: CacheCounters): void {
    counters.prefetch++
    this.#takeOff(refresh)
  }

  /**
   * Lets a client wait for a flight that is under way. Where a server upstream searches for forwarding
   * loops (`loop` of CoreDNS), its HINFO question comes round to it only if the second one goes on.
   */
  join(flight: Flight, q: Query, counters: CacheCounters): void {
    if (q.question.type === Type.HINFO && !flight.repeated) {
      flight.repeated = true
      this.#parts.next(q)
      return
    }
    if (!this.#admits(q)) return
    counters.coalesced++
    flight.join(q.keep())
  }

  /** As `join()`, for a client that has a stale answer to fall back on after `timeout` ms. */
  joinBeforeStale(flight: Flight, q: Query, counters: CacheCounters, timeout: number): void {
    // It may have taken off while the entry was fresh, and nobody was going to wait for it.
    if (flight.timer === null) this.#limit(flight, timeout)
    this.join(flight, q, counters)
  }

  #limit(flight: Flight, timeout: number): void {
    flight.timer = setTimeout(() => this.#overdue(flight), Math.min(timeout, LONGEST_TIMER_MS))
  }

  /** Whether one more client may wait; it gets REFUSED where not. */
  #admits(q: Query): boolean {
    if (keptQueries.admits(q)) return true
    q.fail(Rcode.Refused, 'too many misses under way', Ede.Other)
    q.answeredBy = 'cache'
    this.#parts.done(q)
    return false
  }

  #takeOff(flight: Flight): void {
    const { leader } = flight
    this.#flights.add(flight)
    try {
      this.#parts.next(leader)
    } catch (cause) {
      // A defect below: nobody may wait for an answer that will not come.
      if (leader.memo === flight) this.#crash(flight, leader)
      throw cause
    }
  }

  /** The client of the first try is answered by whoever catches the defect, those of a second one by nobody else. */
  #crash(flight: Flight, leader: Query): void {
    this.#flights.remove(flight)
    flight.cancelTimer()
    leader.memo = null
    const all = [leader, ...flight.takeWaiters()]
    if (flight.retry) failAll(all, this.#parts.done)
    else for (const q of all) q.release()
    flight.release()
  }

  #overdue(flight: Flight): void {
    const { clock, stale } = this.#parts
    clock.refresh()
    flight.timer = null
    flight.overdue = true
    const entry = stale!.find(flight.key)
    if (entry === null) return
    this.#giveEntry(flight, entry, stale!)
  }

  /** The leader of a flight came back with an outcome. */
  land(flight: Flight, leader: Query): void {
    this.#flights.remove(flight)
    flight.cancelTimer()
    leader.memo = null
    try {
      this.#landWith(flight, leader)
    } catch (cause) {
      // A defect: whoever catches it answers the leader's client, and those who wait have nobody else.
      failAll(flight.takeWaiters(), this.#parts.done)
      throw cause
    } finally {
      flight.release()
    }
  }

  #landWith(flight: Flight, leader: Query): void {
    if (leader.outcome === Outcome.Message && (leader.records ?? scanReply(leader)) === null) {
      this.#parts.counters.of(leader.server).drops++
      leader.fail(Rcode.ServFail, 'reply cannot be parsed', Ede.InvalidData)
    }
    if (leader.outcome === Outcome.Message) this.#landMessage(flight, leader)
    else this.#landFailure(flight, leader)
  }

  #landMessage(flight: Flight, leader: Query): void {
    const { clock, counters, rules, stores } = this.#parts
    const records = leader.records!
    // The time of day matters to signatures alone.
    const verdict = judge(leader, records, records.hasRrsig ? Date.now() / 1000 : 0)
    const failed = verdict === Verdict.ServerError || verdict === Verdict.Refused
    if (failed && this.#giveStale(flight, leader)) return
    const outdone =
      !isAnswer(verdict, records) && stores.lastKnownGood(flight.key, rules, clock.now) !== null
    const charged = counters.of(leader.server)
    stores.remember(flight.key, leader, verdict, rules, clock.now, charged)
    if (!outdone || !this.#giveStale(flight, leader)) this.#share(flight, leader)
  }

  /**
   * No answer. Waiting queries get a stale one if there is one; else the failure, but for those who
   * joined a slow flight late: their own resolvers will wait long enough for a second try.
   */
  #landFailure(flight: Flight, leader: Query): void {
    const { clock, rules, stores } = this.#parts
    const { now } = clock
    const { key } = flight
    if (leader.outcome === Outcome.Failure && this.#giveStale(flight, leader)) return
    const isFailure = leader.outcome === Outcome.Failure && leader.rcode === Rcode.ServFail
    if (isFailure && concernsAll(flight, leader)) stores.rememberFailure(key, leader, rules, now)
    const took = flight.retry ? 0 : now - flight.startedAt
    const [first, ...others] = failWaiters(
      flight.takeWaiters(),
      leader,
      took,
      now,
      this.#parts.done,
    )
    this.#end(flight, leader)
    if (first === undefined) return
    const again = Flight.plan(key, first, false, now)
    again.retry = true
    for (const waiter of others) again.join(waiter)
    this.#takeOff(again)
  }

  /** Gives the reply in `leader.out` to all who wait, and to the leader's own client. */
  #share(flight: Flight, leader: Query): void {
    const waiters = flight.takeWaiters()
    if (waiters.length === 0) {
      this.#end(flight, leader)
      return
    }
    this.#shared.take(leader)
    this.#end(flight, leader)
    for (const waiter of waiters) {
      this.#shared.give(waiter)
      this.#parts.done(waiter)
    }
  }

  /** Ends the leader: towards its client, or nowhere. */
  #end(flight: Flight, leader: Query): void {
    if (flight.background) leader.release()
    else this.#parts.done(leader)
  }

  #giveStale(flight: Flight, leader: Query): boolean {
    const { stale, done } = this.#parts
    const entry = stale?.find(flight.key) ?? null
    if (stale === null || entry === null) return false
    if (concernsAll(flight, leader)) stale.backOff(entry)
    this.#giveEntry(flight, entry, stale)
    if (flight.background) leader.release()
    else stale.answer(leader, entry, done)
    return true
  }

  /** Answers all who wait from an expired entry. They waited for the upstream that the leader has asked. */
  #giveEntry(flight: Flight, entry: Entry, stale: StaleAnswers): void {
    const { upstream } = flight.leader
    for (const waiter of flight.takeWaiters()) {
      waiter.upstream = upstream
      stale.answer(waiter, entry, this.#parts.done)
    }
  }

  /** Stops the timers of flights under way; their clients are answered when they land. */
  stop(): void {
    for (const flight of this.#flights) flight.cancelTimer()
  }
}

/**
 * Whether what came of it is so for clients over UDP, too. An upstream need not take TCP, and then nobody
 * answers for a client that came over it.
 */
function concernsAll({ key }: Flight, { outcome }: Query): boolean {
  return outcome === Outcome.Message || !key.overTcp
}
