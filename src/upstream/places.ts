import type { Clock } from '../lib/clock.ts'
import type { TimerWheel } from '../lib/timer-wheel.ts'
import type { Connections } from './connections.ts'
import type { Carrier, Exchange } from './exchange.ts'
import type { Growth } from './growth.ts'
import type { Pipelining, Quota } from './pipelining.ts'
import type { RttEstimator } from './rtt.ts'
import type { Spread } from './spread.ts'
import { UpstreamConnection } from './upstream-connection.ts'

/** Without a word for this long a connection is late: nobody is put behind its oldest query. */
const LATE_MS = 8
/**
 * Queries in flight, on all connections together, where answers come in order and one connection has several. They
 * keep an upstream 20 ms away busy with 6,000 a second; more would make the turns of the event loop that their
 * answers come in longer, and whoever asks little waits for two or three turns.
 */
const IN_FLIGHT = 128
/** A connection takes no longer to be opened; who has waited so long takes what there is. */
const DIAL_MS = 50

export interface PlacesParts {
  readonly clock: Clock
  readonly connections: Connections
  readonly pipelining: Pipelining
  readonly quota: Quota
  readonly rtt: RttEstimator
  readonly spread: Spread
  readonly wheel: TimerWheel
}

/**
 * Which connection of a pool the next query goes to. Queries of a tick share one, up to as many as are in
 * flight: a write costs as much as several queries.
 */
export class Places {
  readonly #parts: PlacesParts
  /** The connection chosen last, and how many queries of its tick may follow. */
  #batch: UpstreamConnection | null = null
  #batchRoom = 0
  /** Of those looked at: the best one, of late ones the best, and what all of them owe. */
  #best: UpstreamConnection | null = null
  #late: UpstreamConnection | null = null
  #owed = 0
  /** The server behind the upstream's address that keeps an earlier attempt waiting: rather another one. */
  #not: string | null = null

  constructor(parts: PlacesParts) {
    this.#parts = parts
  }

  /**
   * A connection with a place for `x`, or null.
   * @param mayOpen whether another connection can be had, so that a late one need not be taken
   */
  find(x: Exchange, mayOpen: boolean): UpstreamConnection | null {
    return this.#joinBatch(x) ?? this.#choose(x, mayOpen)
  }

  /**
   * The connection the previous query of this tick went to, while the batch is smaller than what is
   * in flight. A write and its reads cost as much as several queries; but few queries are better
   * spread, since an upstream that answers in order lets the second wait for the first.
   */
  #joinBatch(x: Exchange): UpstreamConnection | null {
    const batch = this.#batch
    if (batch === null || this.#batchRoom === 0 || !batch.isCollecting) return null
    if (!this.#hasPlace(batch, x) || x.avoid !== null) return null
    this.#batchRoom--
    return batch
  }

  #hasPlace(c: UpstreamConnection, x: Exchange): boolean {
    if (c.sent >= this.#parts.quota.limit || !c.hasRoom) return false
    if (c.isAged(this.#parts.clock.now)) return false
    const { deepest, isFree } = this.#parts.pipelining
    if (isFree) return true
    if (c.owed > 0 && this.#isAlone(x)) return false
    if (c.owed < Math.min(c.window, deepest)) return true
    c.isWanted = true
    return false
  }

  /**
   * The one that owes the least and is not late; a late one only where order matters not. Those that share
   * the queries, in turn, are filled before further ones, which slow names have needed, are used again: many
   * queries on a connection cost less than one each on many, and what is not used is closed.
   */
  #choose(x: Exchange, mayOpen: boolean): UpstreamConnection | null {
    this.#not = serverOf(x.avoid)
    this.#look(x)
    if (this.#best === null && this.#not !== null) {
      this.#not = null
      this.#look(x)
    }
    const { isFree, keepsOrder } = this.#parts.pipelining
    // In any order slow names are in flight as well, and nobody waits for them.
    const room = keepsOrder ? IN_FLIGHT - this.#owed : Infinity
    const best = room <= 0 && this.#best !== null && this.#best.owed > 0 ? null : this.#best
    this.#batch = best
    this.#batchRoom = Math.max(0, Math.min(this.#owed, room - 1))
    if (best !== null || !isFree) return best
    return mayOpen && !this.#hasWaited(x) ? null : this.#late
  }

  /** Finds the best one. Late ones are looked at only where they may be taken. */
  #look(x: Exchange): void {
    const { connections, pipelining, spread } = this.#parts
    const { members } = spread
    this.#best = this.#late = null
    this.#owed = 0
    let place = spread.turn()
    for (let i = 0; i < members.length; i++) {
      if (this.#consider(members[place]!, x)) break
      if (++place === members.length) place = 0
    }
    if (this.#best !== null) return
    const others = pipelining.keepsOrder ? connections.prompt : connections.all
    for (let i = 0; i < others.length; i++) {
      const c = others[i]!
      if (!c.isMember && this.#consider(c, x)) return
    }
    if (pipelining.keepsOrder) this.#owed += connections.owedAside
  }

  /** Compares `c` with the best so far. True where there is no better one than this. */
  #consider(c: UpstreamConnection, x: Exchange): boolean {
    this.#owed += c.owed
    if (c === x.avoid || (this.#not !== null && c.backend === this.#not)) return false
    if (!this.#hasPlace(c, x)) return false
    if (this.isLate(c)) {
      if (this.#late === null || c.owed < this.#late.owed) this.#late = c
    } else if (this.#best === null || c.owed < this.#best.owed) this.#best = c
    return this.#best?.owed === 0
  }

  #hasWaited({ queuedAt }: Exchange): boolean {
    return queuedAt > 0 && this.#parts.clock.now - queuedAt > DIAL_MS
  }

  /**
   * Whether a query goes alone: one that was late elsewhere is slow, and would hold up those behind it. It
   * does not wait for that any longer than for a dial.
   */
  #isAlone(x: Exchange): boolean {
    return x.again && !this.#hasWaited(x)
  }

  /**
   * Whether `x` may be overtaken: it finds no place only because it avoids the connection of an earlier
   * attempt, or goes alone.
   */
  mayBeOvertaken(x: Exchange): boolean {
    const { avoid } = x
    if (!this.#parts.pipelining.isFree && this.#isAlone(x)) return true
    if (!(avoid instanceof UpstreamConnection) || !this.#hasPlace(avoid, x)) return false
    return this.#parts.pipelining.isFree || !this.isLate(avoid)
  }

  /**
   * Whether a connection keeps its oldest query waiting for longer than a fast name takes.
   * @param more milliseconds in which its answers may not have been read
   */
  isLate(c: UpstreamConnection, more: number = 0): boolean {
    const { pipelining, rtt, wheel } = this.#parts
    const ms = pipelining.isFree ? rtt.blockedAfter : LATE_MS + 2 * c.handshake
    return c.isSilent(wheel.readUntil, ms + more)
  }

  /** The upstream closed `c`: it may take no more connections, or no more queries on one. */
  learnFrom(c: UpstreamConnection, growth: Growth): void {
    const { connections, quota } = this.#parts
    const { now } = this.#parts.clock
    quota.ended(c.answers, now - c.answeredAt, connections.mostAnswers, now)
    const served = connections.countServed((other) => this.isLate(other))
    if (!connections.isSeasoned(c, now) && served > 0 && growth.limit.isFull)
      growth.limit.refused(served, now)
  }

  /** A connection is over. */
  leave(c: UpstreamConnection): void {
    if (this.#batch === c) this.#batch = null
  }
}

/** The server that a connection leads to, where there are several and it is known. */
function serverOf(carrier: Carrier | null): string | null {
  return carrier instanceof UpstreamConnection ? carrier.backend || null : null
}
