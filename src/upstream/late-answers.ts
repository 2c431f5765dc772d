/** Answers count for as long as this, and up to twice as long. */
const COUNTED_MS = 1_000
/** Names are slow where so many of the answers come late, */
const MANY = 1 / 4
/** or where the fastest takes so long: want of processor time makes all of them wait, but hardly as long as this. */
const SLOW_MS = 100

/**
 * How many answers an upstream gave lately, and on connections that were late. Names that are slow and names that
 * nobody answers look the same while they wait; but only slow ones are worth a connection more, as each is free
 * again soon.
 */
export class LateAnswers {
  #begunAt = 0
  #late = 0
  #lateBefore = 0
  #all = 0
  #allBefore = 0
  /** Milliseconds that the fastest took. */
  #fastest = Infinity
  #fastestBefore = Infinity

  /**
   * A connection has given `count` answers.
   * @param isLate whether it was found late before
   * @param elapsed milliseconds since the answers before, or since it was asked
   */
  add(count: number, isLate: boolean, elapsed: number, now: number): void {
    this.#turn(now)
    this.#all += count
    if (isLate) this.#late++
    this.#fastest = Math.min(this.#fastest, elapsed)
  }

  /** How many were late within the last one to two seconds. */
  lately(now: number): number {
    this.#turn(now)
    return this.#isSlow() ? this.#allBefore + this.#all : this.#lateBefore + this.#late
  }

  /** Whether so many were that it is names that are slow. */
  areMany(now: number): boolean {
    return this.lately(now) > MANY * (this.#allBefore + this.#all)
  }

  #isSlow(): boolean {
    return Math.min(this.#fastestBefore, this.#fastest) >= SLOW_MS
  }

  #turn(now: number): void {
    const elapsed = now - this.#begunAt
    if (elapsed < COUNTED_MS) return
    const isNext = elapsed < 2 * COUNTED_MS
    this.#lateBefore = isNext ? this.#late : 0
    this.#allBefore = isNext ? this.#all : 0
    this.#fastestBefore = isNext ? this.#fastest : Infinity
    this.#late = this.#all = 0
    this.#fastest = Infinity
    this.#begunAt = now
  }
}
