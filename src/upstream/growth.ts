/** Connections that are opened at once, so that one slow answer never blocks an upstream. */
export const WARM = 2
/** More than these are for slow names alone. */
export const FEW = 8
export const MOST = 256
/** How much the number grows from one look to the next. */
const FACTOR = 8
/** Looks without a single answer that show the connections to be stuck. */
const STUCK = 2
/** Looks in a row that find queries waiting, although some are answered. */
const CROWDED = 8
/** Factor and looks where each connection costs a handshake, at the upstream too. */
const COSTLY_FACTOR = 2
const COSTLY_CROWDED = 32
/**
 * Looks in a row that find queries waiting at the upstream's limit, and cast doubt on it: the connection
 * that showed it may have ended for another reason. Twice as many where that doubt was wrong.
 */
const DOUBTFUL = 5
/**
 * Connections in a row without an answer: after so many the upstream takes no more of them, or none at all. One
 * may have been its query's doing.
 */
const FULL = 2
const SHUT = 4
/** How long a limit that the upstream showed is believed. */
const LIMIT_MS = 10_000

/**
 * How many connections an upstream is worth. Two at first; where queries are found waiting, eight. Each
 * further look, 10 ms later, wants eight times as many, but only while most connections are late and none
 * of them has answered anything: an upstream that is merely busy is not helped by more of them. At most
 * 256, or as many as the upstream takes.
 *
 * Looks are counted, not milliseconds: while this process has no time to read answers, it does not
 * look either. Where connections are encrypted, those being opened are waited for before more are wanted,
 * and they only double: an upstream that is slow because it shakes hands must not get slower.
 */
export class Growth {
  limit: number = MOST
  #goal = WARM
  #limitUntil = 0
  /** Looks in a row at the limit, and how many are doubtful. */
  #limited = 0
  #doubtful = DOUBTFUL
  /** How many more connections the next doubt is worth. */
  #step = 1
  /** Looks in a row that found queries waiting; those of them without an answer since the one before. */
  #crowded = 0
  #stuck = 0
  #answers = 0
  /** Connections in a row that ended before their first answer, each with a query that had ended no other. */
  #fruitless = 0
  readonly #costly: boolean
  readonly #factor: number
  readonly #crowd: number

  /** @param costly whether connections are encrypted */
  constructor(costly = false) {
    this.#costly = costly
    this.#factor = costly ? COSTLY_FACTOR : FACTOR
    this.#crowd = costly ? COSTLY_CROWDED : CROWDED
  }

  /** How many connections to open beside those `open` where `waiting` queries have no place. */
  wanted(open: number, waiting: number): number {
    return Math.min(this.#goal - open, Math.max(waiting, WARM - open))
  }

  /**
   * Looks at queries that wait.
   * @param late connections with a query that is late, of the `ready` ones
   * @param open connections, those included that are being opened
   * @param answers how many there have been so far
   */
  look(late: number, ready: number, open: number, answers: number): void {
    if (ready === 0 || (this.#costly && ready < open)) return
    this.#crowded++
    this.#stuck = answers === this.#answers ? this.#stuck + 1 : 0
    this.#answers = answers
    const stuck = this.#stuck >= STUCK && 2 * late >= ready
    if (open < FEW) this.#goal = FEW
    else if (stuck || this.#crowded >= this.#crowd) this.#goal = Math.min(this.#factor * open, MOST)
    if (open >= this.limit && ++this.#limited >= this.#doubtful) this.#doubt()
  }

  #doubt(): void {
    this.#limited = 0
    this.limit = Math.min(this.limit + this.#step, MOST)
    this.#step *= 2
  }

  /** The first query has to wait, after so many `answers`. */
  begin(answers: number): void {
    this.#crowded = this.#stuck = this.#limited = 0
    this.#answers = answers
  }

  /** Whether the upstream seems to close whatever is opened beside what there is, and whatever is opened at all. */
  get isFull(): boolean {
    return this.#fruitless >= FULL
  }

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
    this.limit = Math.max(open, 1)
    this.#limitUntil = now + LIMIT_MS
  }

  /** Some time has passed: what was needed may not be needed any more. */
  settle(open: number, now: number): void {
    this.#goal = Math.max(WARM, Math.min(this.#goal, open))
    if (now < this.#limitUntil) return
    this.limit = MOST
    this.#limited = 0
    this.#doubtful = DOUBTFUL
    this.#step = 1
  }
}
