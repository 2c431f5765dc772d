/** Checks in a row that pass, after which a suspension is history. */
const STEADY = 60

interface PauseLimits {
  /** Turns after the first suspension. */
  readonly first: number
  /** Turns at most. */
  readonly last: number
}

/**
 * How many turns interception stays suspended: twice as many after each suspension, until it has gone
 * well for a minute. What fails for good is then not begun and suspended every few seconds, for hours.
 */
export class SuspensionPause {
  readonly #limits: PauseLimits
  #next: number
  #passes = 0

  constructor(limits: PauseLimits) {
    this.#limits = limits
    this.#next = limits.first
  }

  /** A check, which runs once in each turn of interception, has passed or failed. */
  checked(passed: boolean): void {
    this.#passes = passed ? this.#passes + 1 : 0
    if (this.#passes === STEADY) this.#next = this.#limits.first
  }

  /** The turns without interception from a suspension on. */
  take(): number {
    const turns = this.#next
    this.#next = Math.min(2 * turns, this.#limits.last)
    return turns
  }
}
