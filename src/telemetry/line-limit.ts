import type { Clock } from '../lib/clock.ts'

/** More lines a second than this tell nobody anything that the first ones did not. */
const LINES_PER_SECOND = 1000
const SECOND = 1000

/**
 * Bounds the log lines that queries can cause, so that an outage does not turn into a flood of them
 * (and the work of writing it). What is left out is counted and told of at the end of the second.
 */
export class LineLimit {
  readonly #clock: Clock
  readonly #leftOut: (lines: number) => void
  readonly #perSecond: number
  #since = -Infinity
  #lines = 0
  #suppressed = 0
  #timer: NodeJS.Timeout | null = null

  /** @param leftOut told how many lines were left out within about a second */
  constructor(
    clock: Clock,
    leftOut: (lines: number) => void,
    perSecond: number = LINES_PER_SECOND,
  ) {
    this.#clock = clock
    this.#leftOut = leftOut
    this.#perSecond = perSecond
  }

  /** Whether one more line may be written; where not, it is counted as left out. */
  allows(): boolean {
    const { now } = this.#clock
    if (now - this.#since >= SECOND) {
      this.#since = now
      this.#lines = 0
    }
    if (this.#lines < this.#perSecond) {
      this.#lines++
      return true
    }
    this.#suppressed++
    this.#timer ??= setTimeout(this.flush, SECOND).unref()
    return false
  }

  /** Tells of what has been left out so far. */
  readonly flush = (): void => {
    if (this.#timer === null) return
    clearTimeout(this.#timer)
    this.#timer = null
    const lines = this.#suppressed
    this.#suppressed = 0
    this.#leftOut(lines)
  }
}
