/** A connection that ends so soon after an answer was ended because of it, not for having been idle. */
const SOON_MS = 20
/** How long a quota is believed: servers change, and a wrong one costs dials. */
const BELIEVED_MS = 60_000

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
