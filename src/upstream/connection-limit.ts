/**
 * Looks in a row that find queries waiting at the upstream's limit, and cast doubt on it: the connection
 * that showed it may have ended for another reason. Twice as many where that doubt was wrong.
 */
const DOUBTFUL = 5
/**
 * Connections in a row without an answer: after so many the upstream takes no more of them, or none at all. One
 * may have been its query's doing. Each time that this turns out wrong it takes twice as many, up to the last.
 */
const FULL = 2
const FULLEST = 64
const SHUT = 4
/** How long a limit that the upstream showed is believed. */
const LIMIT_MS = 10_000
/** A limit is tried at once, and again after this long; twice as long each time, up to `LIMIT_MS`. */
const TRIAL_MS = 100

/**
 * How many connections the upstream takes, as far as it has shown: it closes those beyond, or leaves them
 * unanswered in the kernel's queue. But names at which it hangs up, or is silent, do the same. So where queries
 * wait at a limit, one connection more is tried with a query that any server answers.
 */
export class ConnectionLimit {
  /** As many as may be open. */
  most: number
  readonly #none: number
  #until = 0
  /** Looks in a row at the limit, and how many are doubtful. */
  #looks = 0
  #doubtful = DOUBTFUL
  /** How many more connections the next doubt is worth. */
  #step = 1
  /** Clock time when the limit may be tried again, and the pause after that. */
  #trialAt = 0
  #trialPause = TRIAL_MS
  /** Connections in a row that ended before their first answer, each with a query that had ended no other. */
  #fruitless = 0
  #full = FULL

  /** @param none connections that may be open where there is no limit */
  constructor(none: number) {
    this.most = this.#none = none
  }

  /** The first query has to wait. */
  begin(): void {
    this.#looks = 0
  }

  /** Queries wait, with so many connections `open`. */
  look(open: number): void {
    if (open < this.most || ++this.#looks < this.#doubtful) return
    this.#looks = 0
    this.most = Math.min(this.most + this.#step, this.#none)
    this.#step *= 2
  }

  /** Whether the upstream seems to close whatever is opened beside what there is. */
  get isFull(): boolean {
    return this.#fruitless >= this.#full
  }

  /** Whether it seems to close whatever is opened at all. */
  get isShut(): boolean {
    return this.#fruitless >= SHUT
  }

  /** A connection was ended before it gave an answer. */
  wasFruitless(): void {
    this.#fruitless++
  }

  /** A connection gave its first answer. */
  wasAccepted(): void {
    this.#fruitless = 0
  }

  /** The upstream did not take another connection beside those `open`, or so it seems. */
  refused(open: number, now: number): void {
    if (this.#step > 1) this.#doubtful *= 2
    this.#step = 1
    this.most = Math.max(open, 1)
    this.#until = now + LIMIT_MS
  }

  /** Whether to try one connection more beside those `open`, where queries wait. Counted. */
  mayTry(open: number, now: number): boolean {
    if (this.most === this.#none || open < this.most || now < this.#trialAt) return false
    this.#trialAt = now + this.#trialPause
    this.#trialPause = Math.min(2 * this.#trialPause, LIMIT_MS)
    return true
  }

  /** The connection more was answered: there is no limit. */
  wasTaken(): void {
    this.#forget()
    this.#full = Math.min(2 * this.#full, FULLEST)
  }

  /** Some time has passed. */
  settle(now: number): void {
    if (now < this.#until) return
    this.#forget()
    this.#full = FULL
  }

  #forget(): void {
    this.most = this.#none
    this.#looks = this.#trialAt = 0
    this.#doubtful = DOUBTFUL
    this.#step = 1
    this.#trialPause = TRIAL_MS
  }
}
