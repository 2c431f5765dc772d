/** Below this, a late answer is more likely the scheduler's doing than the upstream's. */
const MIN_TIMEOUT_MS = 50
/** While nothing has been measured. */
const FIRST_TIMEOUT_MS = 500
/** CoreDNS's read timeout: the longest anybody waits before asking elsewhere. */
export const MAX_TIMEOUT_MS = 2000

/**
 * Smoothed round-trip time and its variation, as TCP estimates them (RFC 6298 §2), and what follows
 * from them: how long to wait for an answer before asking elsewhere.
 */
export class RttEstimator {
  /** Smoothed round trip in milliseconds; negative while nothing has been measured. */
  smoothed = -1
  #variation = 0
  /** Milliseconds that no timeout exceeds. */
  readonly longest: number

  /** @param capMs longest timeout (the `read_timeout` option); at most 2 s count */
  constructor(capMs: number = MAX_TIMEOUT_MS) {
    this.longest = Math.min(capMs, MAX_TIMEOUT_MS)
  }

  /** Adds a measured round trip in milliseconds. */
  sample(ms: number): void {
    if (this.smoothed < 0) {
      this.smoothed = ms
      this.#variation = ms / 2
      return
    }
    this.#variation += (Math.abs(this.smoothed - ms) - this.#variation) / 4
    this.smoothed += (ms - this.smoothed) / 8
  }

  /** Milliseconds to wait for an answer: 50 to 2,000, 500 while unknown, never above the cap. */
  get timeout(): number {
    if (this.smoothed < 0) return Math.min(FIRST_TIMEOUT_MS, this.longest)
    const ms = Math.max(this.smoothed + 4 * this.#variation, MIN_TIMEOUT_MS)
    return Math.min(ms, this.longest)
  }

  /**
   * Milliseconds without an answer after which a busy connection counts as blocked by a slow query
   * at its head: CoreDNS answers the queries of one connection strictly one after another.
   */
  get blockedAfter(): number {
    return this.smoothed < 0 ? MIN_TIMEOUT_MS : Math.min(Math.max(2 * this.smoothed, 10), 100)
  }
}
