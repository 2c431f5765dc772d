/** In what order an upstream answers the queries of one connection. */
export const Order = {
  /** Not known: treated as Strict. */
  Unknown: 0,
  /** One after the other, as CoreDNS and many others: a slow query holds up those behind it. */
  Strict: 1,
  /** As the answers become known (RFC 7766 §6.2.1.1), as unbound, nsd and BIND. */
  Free: 2,
} as const
export type Order = (typeof Order)[keyof typeof Order]

/** Milliseconds that queries may wait behind others of their connection. */
const QUEUE_MS = 8
/** Queries in flight on one connection, while order matters. */
const DEEPEST = 256
/** After a pause this long what was learnt about depth is out of date (as in RFC 2861). */
const REST_MS = 200
/** How long queries are kept apart after a connection ended under them. */
const APART_MS = 1000
/** How long an order that one answer suggests is believed, and one that was seen for certain. */
const HUNCH_MS = 1000
const PROOF_MS = 600_000
/** How long strict order is believed: other servers may have come behind the address. */
const STRICT_MS = 10_000
/** How long queries go one at a time to a server that reads one at a time. */
const SINGLY_MS = 60_000
/** A probe that is answered sooner has hardly waited for anybody. */
const TELLING_MS = 4
/** A connection that ends so soon after an answer was ended because of it, not for having been idle. */
const SOON_MS = 20
/** How long a quota is believed: servers change, and a wrong one costs dials. */
const BELIEVED_MS = 60_000

/**
 * How many queries may be in flight on one connection to an upstream.
 *
 * Behind a server that answers in order, each query but the first waits for the others, and nobody
 * knows which name will be slow. So each connection begins with one, and gets a larger window as
 * answers come in, like the congestion window of TCP: where it kept queries out, each answer makes room
 * for two more, as long as those in flight take 8 ms at most to be answered one by one.
 *
 *     window 1 ──answers, queries kept out─▶ 3, 9, 27 … 8 ms of service, at most 256
 *       ▲                                      │
 *       └── queries were stuck behind a slow ──┘   that slow name cost only those few
 *           one, or nothing was asked for 200 ms
 *
 * A server that answers in any order has no such bound.
 */
export class Pipelining {
  #order: Order = Order.Unknown
  /** Clock time until which a free order is believed. */
  #freeUntil = 0
  /** Clock time until which a strict order is. */
  #strictUntil = 0
  /** Smoothed milliseconds from one answer of a busy connection to the next; −1: not known. */
  #service = -1
  #askedAt = 0
  /** Clock time until which queries are kept apart, whatever the order; 0: they are not. */
  #apartUntil = 0
  /** Whether a query has been answered that went out in one write with others before it. */
  #readsAll = false
  /** Clock time until which a connection gets one query at a time; 0: it need not. */
  #singlyUntil = 0
  /** The largest window, by the service time; 1 … 256. */
  deepest: number = 1

  get order(): Order {
    return this.#order
  }

  /** Whether the upstream answers in order, as far as is known: what was not answered then was dropped. */
  get keepsOrder(): boolean {
    return this.#order !== Order.Free
  }

  /** Whether any number of queries may share a connection. */
  get isFree(): boolean {
    return this.#order === Order.Free && this.#apartUntil === 0 && this.#singlyUntil === 0
  }

  /** A query is about to be sent. True after a pause: windows are out of date. */
  asked(now: number): boolean {
    this.calm(now)
    const rested = now - this.#askedAt > REST_MS
    this.#askedAt = now
    return rested
  }

  /** Queries need not be kept apart for ever. */
  calm(now: number): void {
    if (now > this.#apartUntil) this.#apartUntil = 0
    if (now > this.#singlyUntil) this.#singlyUntil = 0
  }

  /** A connection gave `count` answers, `elapsed` ms after its latest ones or after it was asked. */
  answered(count: number, elapsed: number): void {
    const sample = elapsed / count
    // A read that brought many answers counts for more.
    const weight = count < 8 ? count / 8 : 1
    this.#service = this.#service < 0 ? sample : this.#service + (sample - this.#service) * weight
    const deepest = Math.min(Math.max(Math.floor(QUEUE_MS / this.#service), 1), DEEPEST)
    this.deepest = this.#singlyUntil > 0 ? 1 : deepest
  }

  /** A query was answered that went out in one write with others before it: those that came late were slow. */
  readsAll(): void {
    this.#readsAll = true
    this.#singlyUntil = 0
  }

  /**
   * A query that went out in one write with others before it was answered sooner where it was asked once more.
   * If no such query has ever been answered, the server takes what it reads at once for one query, as simple
   * ones do, and forgets the others: from now on they go one at a time. Returns whether that is so.
   */
  lostJoined(now: number): boolean {
    if (this.#readsAll) return false
    this.#singlyUntil = now + SINGLY_MS
    this.deepest = 1
    return true
  }

  /** An answer came before that of an older query. `certain`: the older one has been answered too. */
  overtaken(now: number, certain: boolean): void {
    this.#order = Order.Free
    this.#freeUntil = Math.max(this.#freeUntil, now + (certain ? PROOF_MS : HUNCH_MS))
  }

  /**
   * A query that any server answers at once did not overtake a slow one, but came after `ms`. Where that
   * is no time, the slow one may have been answered anyway.
   */
  keptOrder(now: number, ms: number): void {
    if (this.#order === Order.Free || ms < TELLING_MS) return
    this.#order = Order.Strict
    this.#strictUntil = now + STRICT_MS
  }

  /** Whether it is time to ask about the order. */
  isUnknown(now: number): boolean {
    return (
      this.#order === Order.Unknown || (this.#order === Order.Strict && now >= this.#strictUntil)
    )
  }

  /** Whether a free order that is still believed has not been seen lately. */
  isHearsay(now: number): boolean {
    return this.#order === Order.Free && now >= this.#freeUntil - HUNCH_MS / 2
  }

  /** Doubts a free order that has not been seen lately: several queries wait and none is answered. */
  doubt(now: number): void {
    if (this.#order !== Order.Free || now < this.#freeUntil) return
    this.#order = Order.Unknown
  }

  /** A connection ended with queries in flight: if it was because of one, that one is to be alone next. */
  keepApart(now: number): void {
    this.#apartUntil = now + APART_MS
  }
}

/**
 * How many queries an upstream answers on one connection before it closes that: one (aardvark-dns,
 * systemd-resolved), a few (home routers), 128 (servers of Go's miekg/dns), as many as CoreDNS's
 * `maxtcpqueries` says. Two connections in a row that end after as many answers tell.
 */
export class Quota {
  /** Queries that a connection may be given; infinite where no limit is known. */
  limit: number = Infinity
  #last = 0
  #until = 0

  /**
   * A connection was ended by the upstream after `answers` answers, `idle` ms after the last of them.
   * @param most answers that another open connection has given: more than a quota show that it is none
   */
  ended(answers: number, idle: number, most: number, now: number): void {
    if (answers === 0 || idle > SOON_MS || most > answers) return
    if (answers === this.#last) {
      this.limit = answers
      this.#until = now + BELIEVED_MS
    }
    this.#last = answers
  }

  /** Forgets a quota that is too old to be believed. */
  expire(now: number): void {
    if (now < this.#until) return
    this.limit = Infinity
    this.#last = 0
  }
}
