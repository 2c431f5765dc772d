import type { Query } from '../../serve/query.ts'
import { CacheKey } from './cache-key.ts'

/** More free flights than this are left to the garbage collector. */
const POOL_LIMIT = 1024
const pool: Flight[] = []

/**
 * One question on its way to the stages below the cache, and everybody who waits for the answer.
 * The leader is the query that travels; waiters asked the same while it was under way. Pooled.
 */
export class Flight {
  readonly key: CacheKey = new CacheKey()
  /** The flights beside it in its bucket; FlightTable's. */
  next: Flight | null = null
  previous: Flight | null = null
  #leader: Query | null = null
  /** True where the leader is the cache's own query and no client waits for it. */
  background = false
  /** True for a retry on behalf of waiters whose first flight failed: its failure is final. */
  retry = false
  /** True once another query of its question was let past, see Flights.join(). */
  repeated = false
  /** `Clock.now` at take-off. */
  startedAt = 0
  /** Null where nobody waits yet, which is the rule. */
  #waiters: Query[] | null = null
  /** Runs out when the clients get a stale answer instead of waiting on (RFC 8767 §5). */
  timer: NodeJS.Timeout | null = null
  /** True once it has run out: whoever asks now gets the stale answer at once. */
  overdue = false

  /** A flight that is about to take off with this kept query. */
  static plan(key: CacheKey, leader: Query, background: boolean, startedAt: number): Flight {
    const flight = pool.pop() ?? new Flight()
    flight.key.become(key, leader)
    flight.#leader = leader
    flight.background = background
    flight.retry = false
    flight.repeated = false
    flight.startedAt = startedAt
    flight.overdue = false
    leader.memo = flight
    return flight
  }

  get leader(): Query {
    return this.#leader!
  }

  get waiting(): number {
    return this.#waiters === null ? 0 : this.#waiters.length
  }

  /** Lets a kept query wait. */
  join(waiter: Query): void {
    if (this.#waiters === null) this.#waiters = [waiter]
    else this.#waiters.push(waiter)
  }

  /** Those who wait, leaving none. */
  takeWaiters(): readonly Query[] {
    const waiters = this.#waiters
    if (waiters === null) return nobody
    this.#waiters = null
    return waiters
  }

  cancelTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  /** Gives a flight that has landed back. */
  release(): void {
    this.#leader = null
    this.#waiters = null
    if (pool.length < POOL_LIMIT) pool.push(this)
  }
}

const nobody: readonly Query[] = []
