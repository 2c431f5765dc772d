const MOST = 3
/** A second attempt that was faster shows that some connection is dead: a few more are worth while. */
const REWARD = 4
const MOST_REWARDED = 16

/**
 * How many second attempts an upstream gets whose first may merely be slow. It must not be asked
 * everything twice when it is slow, for then it would get slower; a connection that is dead in silence
 * is found all the same.
 */
export class HedgeBudget {
  readonly #share: number
  #left = MOST

  /** @param share how much each query adds: of 100 queries, `100 × share` may be asked twice */
  constructor(share: number) {
    this.#share = share
  }

  /** A query was asked for the first time. */
  asked(): void {
    if (this.#left < MOST) this.#left += this.#share
  }

  /**
   * Whether there may be another attempt; counted.
   * @param further whether there has been a second: two connections are dead together only where others
   *     are, which rewards tell
   */
  take(further = false): boolean {
    if (this.#left < (further ? MOST + 1 : 1)) return false
    this.#left--
    return true
  }

  /** A second attempt was answered before the first. */
  won(): void {
    this.#left = Math.min(this.#left + REWARD, MOST_REWARDED)
  }
}
