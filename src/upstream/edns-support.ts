/** How long a server that seems to know no EDNS is asked without, at first and at most. */
const FIRST_PLAIN_MS = 1000
const LONGEST_PLAIN_MS = 5 * 60_000
/** While one query finds out whether it does after all, the others wait no longer for that. */
const TRIAL_MS = 2000

/**
 * What is known about an upstream and EDNS. One name proves nothing against it: the upstream may be
 * a forwarder to many servers, of which one is old. Once it has answered a query with OPT, every query
 * carries OPT. Until then, queries go without while there is reason to, but for those that need it.
 *
 *     unknown ──an answer to a query with OPT──▶ supported, for good
 *      │   ▲
 *      │   └─ after 1 s, 2 s, … 5 min one query has OPT again ──┐
 *      ▼                                                        │
 *     suspected (refused, or no answer) ──an answer without──▶ plain
 */
export class EdnsSupport {
  #supported = false
  #suspected = false
  #plainUntil = 0
  #pause: number = FIRST_PLAIN_MS

  /** Whether the next query carries OPT, which it may need for DO or for options. `now` is `Clock.now`. */
  offer(now: number, needsOpt: boolean): boolean {
    if (this.#supported || needsOpt) return true
    if (this.#suspected || now < this.#plainUntil) return false
    if (this.#plainUntil > 0) this.#plainUntil = now + TRIAL_MS
    return true
  }

  /** A query with OPT was answered. */
  answered(): void {
    this.#supported = true
  }

  /** A query with OPT was refused, or not answered in time. */
  suspect(): void {
    this.#suspected = true
  }

  /**
   * A query without OPT was answered, or met an error as well. Where one with it was not answered, OPT
   * is the likely reason, or was not.
   */
  answeredPlain(now: number, good: boolean): void {
    if (!this.#suspected) return
    this.#suspected = false
    if (!good) return
    this.#plainUntil = now + this.#pause
    this.#pause = Math.min(2 * this.#pause, LONGEST_PLAIN_MS)
  }
}
