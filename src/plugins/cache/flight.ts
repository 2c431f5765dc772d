import { type Chained, HashChains } from '../../lib/hash-chains.ts'
import { Protocol, type Query, type ReplyTarget } from '../../serve/query.ts'
import { CacheKey } from './cache-key.ts'

/** More free flights than this are left to the garbage collector. */
const POOL_LIMIT = 1024
const pool: Flight[] = []

/**
 * One question on its way to the stages below the cache, and everybody who waits for the answer.
 * The leader is the query that travels; waiters asked the same while it was under way. Pooled.
 */
export class Flight implements Chained<Flight> {
  readonly key: CacheKey = new CacheKey()
  behind: Flight | null = null
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

  get hash(): number {
    return this.key.hash
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

/** The questions under way, found by key. */
export class FlightTable extends HashChains<Flight> {
  /** The flight of this key and transport. */
  find(key: CacheKey): Flight | null {
    let flight = this.first(key.hash)
    while (flight !== null && !(flight.key.equals(key) && flight.key.overTcp === key.overTcp)) {
      flight = flight.behind
    }
    return flight
  }
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
