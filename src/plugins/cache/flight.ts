import { Protocol, type Query, type ReplyTarget } from '../../serve/query.ts'
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
  /** The one behind it in its bucket; FlightTable's. */
  next: Flight | null = null
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
  /** True once it has run out: a query that comes now gets the stale answer at once. */
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

/** A power of two; from there on there are at least as many buckets as flights. */
const MIN_BUCKETS = 4

/**
 * The questions under way, found by key: flights in a hash table whose links are the flights' own. A Map
 * that is emptied all the time would leave a table in the old space with every third question.
 */
export class FlightTable {
  size = 0
  #buckets: (Flight | null)[] = emptyBuckets(MIN_BUCKETS)

  /** The flight of this key and transport. */
  find(key: CacheKey): Flight | null {
    let flight = this.#buckets[this.#bucketOf(key)] ?? null
    while (flight !== null && !(flight.key.equals(key) && flight.key.overTcp === key.overTcp)) {
      flight = flight.next
    }
    return flight
  }

  /** Adds a flight whose key `find` has not found. */
  add(flight: Flight): void {
    if (this.size === this.#buckets.length) {
      const flights = [...this]
      this.#buckets = emptyBuckets(2 * this.size)
      for (const one of flights) this.#link(one)
    }
    this.#link(flight)
    this.size++
  }

  /** Removes a flight that is there. */
  remove(flight: Flight): void {
    const bucket = this.#bucketOf(flight.key)
    const first = this.#buckets[bucket]!
    if (first === flight) this.#buckets[bucket] = flight.next
    else {
      let before = first
      while (before.next !== flight) before = before.next!
      before.next = flight.next
    }
    flight.next = null
    this.size--
  }

  *[Symbol.iterator](): Generator<Flight> {
    for (const first of this.#buckets) {
      for (let flight = first; flight !== null; flight = flight.next) yield flight
    }
  }

  #bucketOf(key: CacheKey): number {
    return key.hash & (this.#buckets.length - 1)
  }

  #link(flight: Flight): void {
    const bucket = this.#bucketOf(flight.key)
    flight.next = this.#buckets[bucket] ?? null
    this.#buckets[bucket] = flight
  }
}

function emptyBuckets(count: number): (Flight | null)[] {
  return new Array<Flight | null>(count).fill(null)
}

/**
 * The target of queries the cache asks on its own account: the reply is built here, stored by the
 * cache, and goes to nobody.
 */
class BackgroundTarget implements ReplyTarget {
  readonly protocol: Protocol
  readonly maxSize = 65_535
  readonly localAddress = ''
  readonly localPort = 0
  /** Made on first use: many caches never ask on their own. */
  #buffer: Buffer | null = null

  constructor(protocol: Protocol) {
    this.protocol = protocol
  }

  reserve(): Buffer {
    this.#buffer ??= Buffer.allocUnsafeSlow(65_535)
    return this.#buffer
  }

  send(): void {}
  drop(): void {}

  remoteAddress(): string {
    return ''
  }

  remotePort(): number {
    return 0
  }

  isIPv6(): boolean {
    return false
  }
}

const overUdp = new BackgroundTarget(Protocol.Udp)
const overTcp = new BackgroundTarget(Protocol.Tcp)

/** A copy of the query without a client; `forward` still sees the protocol the client used. */
export function inBackground(q: Query, now: number): Query {
  const copy = q.copy()
  copy.target = q.target.protocol === Protocol.Tcp ? overTcp : overUdp
  copy.receivedAt = now
  return copy
}
