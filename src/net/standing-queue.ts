/** Whose query has waited as long may have given up: the shortest time-out in use (resolv.conf: `timeout:1`). */
const LATE_MS = 1_000
/** Late for as long without a break, and the queue does not go away by itself: no stop, no burst. */
const STANDING_MS = 1_000
/** For as long after the last throw it counts as the same want of CPU time, */
const SAME_MS = 10_000
/** and this is late: an answer may still take as long again from here. */
const LATE_AGAIN_MS = 500
/** What is thrown away was here before: the rest is answered while its clients wait. */
const FRESH_MS = 250

/**
 * Tells a queue that stands from one that is only long. A socket's queue is served first come, first
 * served; where queries come faster than they can be answered, each answer goes to somebody who has
 * given up, for ever. Then the old ones are of no use to anybody and go unread.
 *
 * Not so after a stop or a burst: that queue shrinks from the moment in which it is served again, and
 * many wait five seconds. All times are milliseconds of one monotonic clock.
 */
export class StandingQueue {
  /** Whether nothing was left when it was read last. */
  isEmpty = true
  #sinceFull = 0
  #lateSince = Infinity
  #sameUntil = -Infinity
  #throws = false

  /**
   * To be called for each batch that left more behind. Whether it may have waited for long, so that the kernel
   * is worth asking: there has been more to read for a while.
   */
  mayBeLate(now: number): boolean {
    if (this.isEmpty) this.#sinceFull = now
    this.isEmpty = false
    return this.#throws || now - this.#sinceFull > FRESH_MS
  }

  /**
   * To be asked for each batch that was read and left more behind, with the time its youngest query has
   * waited. Returns whether the batch is to be thrown away.
   */
  isStale(waitedMs: number, now: number): boolean {
    if (!this.#throws) this.#throws = this.#stands(waitedMs, now)
    else if (waitedMs <= FRESH_MS) this.#throws = false
    if (this.#throws) this.#sameUntil = now + SAME_MS
    return this.#throws
  }

  /** Nothing is left to read. */
  ended(): void {
    this.isEmpty = true
    this.#lateSince = Infinity
    this.#throws = false
  }

  #stands(waitedMs: number, now: number): boolean {
    if (now < this.#sameUntil && waitedMs > LATE_AGAIN_MS) return true
    if (waitedMs <= LATE_MS) {
      this.#lateSince = Infinity
      return false
    }
    if (this.#lateSince === Infinity) this.#lateSince = now
    return now - this.#lateSince >= STANDING_MS
  }
}
