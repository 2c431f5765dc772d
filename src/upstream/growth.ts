import { threadCpu } from '../lib/thread-cpu.ts'
import { TICK_MS } from '../lib/timer-wheel.ts'
import { ConnectionLimit } from './connection-limit.ts'
import { LateAnswers } from './late-answers.ts'

/** Connections that are opened at once, so that one slow answer never blocks an upstream. */
export const WARM = 2
/** More than these are for slow names alone. */
export const FEW = 8
/** At most, where names are not answered at all; two more for each late answer of the last second or two. */
const UNANSWERED = 256
const PER_LATE = 2
const MOST = 1024
/** How much the number grows from one look to the next. */
const FACTOR = 8
/** Looks without a single answer that show the connections to be stuck. */
const STUCK = 2
/** From the first query that waits: a burst of slow names shows itself by then, an upstream that stands still later. */
const BURST_MS = 100
/** Looks in a row that find queries waiting, although some are answered. */
const CROWDED = 8
/** Factor and looks where each connection costs a handshake, at the upstream too. */
const COSTLY_FACTOR = 2
const COSTLY_CROWDED = 32
/** How long it is believed that more connections were of no use. */
const USELESS_MS = 10_000
/** Connections are of use if with them there are so many times as many answers as with few. */
const GAIN = 1.5
/** Fewer are not many: those that follow each other (`Spread`) are beside the few. */
const MANY = 2 * FEW
/** Whether they are is asked where each had so many answers in the looks before. */
const COUNTED = 2
const COUNTED_BUSY = 1 / 2
/** Where this thread has no more than a tenth of its time left, it is this process that is slow, */
const BUSY = 0.9
/** unless each connection gives so few answers per ms, as names take longer than 5 ms: these double. */
const SLOW = 0.2
const BUSY_FACTOR = 2
/** Looks that are enough, where this thread is so busy that they took the time of more. */
const FEWEST_LOOKS = 3
/** How long not to ask again where few were not enough; twice as long each time. */
const PAUSE_MS = 250

/**
 * How many connections an upstream is worth. Two at first; where queries are found waiting, eight. Further looks,
 * each 10 ms later, want eight times as many, but only while most connections are late and none of them has
 * answered anything: an upstream that is merely busy is not helped by more of them, nor is one that stands still.
 * At most 256, or as many as the upstream takes; up to 1,024 while those that are late are answered in the end.
 *
 * Queries that wait for eight looks although answers come may be slow ones, and more connections help; or
 * the upstream or this process has no processor time left, and each connection takes more of it. So where
 * all of many connections are answered, and queries still wait, few of them are tried:
 *
 *     8 ──queries wait for 8 looks─▶ 64 ──8 looks, most are not late─▶ 8 ──8 looks─▶ enough for 10 s
 *                                     ▲                                │
 *                                     └──── late, or two thirds as many answers per second ────┘
 *
 * Where it is this thread that has no time left, more connections would take more of it: then queries that wait
 * are no reason for more, and few are tried sooner.
 *
 * Looks are counted, not milliseconds: while this process has no time to read answers, it does not
 * look either. Where connections are encrypted, those being opened are waited for before more are wanted,
 * and they only double: an upstream that is slow because it shakes hands must not get slower.
 */
export class Growth {
  readonly limit: ConnectionLimit = new ConnectionLimit(MOST)
  #goal = WARM
  /** Looks in a row that found queries waiting; those of them without an answer since the one before. */
  #crowded = 0
  #stuck = 0
  #answers = 0
  /** How many answers there were when more connections were wanted last; −1: not yet, since queries wait. */
  #grownAt = -1
  /** Clock time since when queries wait. */
  #begunAt = 0
  /** Since when answers are counted: clock time, and how many there were. */
  #since = 0
  #sinceAnswers = 0
  /** Looks since then that found most connections late; those that were held up themselves. */
  #sluggish = 0
  #heldUp = 0
  /** CPU time of this thread, in ms, at the first look since then, and clock time of that. */
  #cpu = 0
  #cpuAt = 0
  /** Answers per ms with fewer connections; 0: not known. */
  #fewer = 0
  /** While few connections are tried: how many there were, and their answers per ms. Else 0. */
  #tried = 0
  #rate = 0
  /** Clock times: when they may be tried again, and until when they are enough. */
  #tryAt = 0
  #pause = PAUSE_MS
  #enoughUntil = 0
  readonly #late = new LateAnswers()
  /** How many there may be. */
  #allowed = UNANSWERED
  readonly #costly: boolean
  readonly #factor: number
  readonly #crowd: number
  readonly #threadCpu: () => number

  /**
   * @param costly whether connections are encrypted
   * @param cpu milliseconds of CPU that this thread has had
   */
  constructor(costly: boolean = false, cpu: () => number = threadCpu) {
    this.#costly = costly
    this.#threadCpu = cpu
    this.#factor = costly ? COSTLY_FACTOR : FACTOR
    this.#crowd = costly ? COSTLY_CROWDED : CROWDED
  }

  /** How many connections there may be. */
  get most(): number {
    return Math.min(this.#allowed, this.limit.most)
  }

  /** A connection has given `count` answers, see `LateAnswers.add()`. */
  answered(count: number, isLate: boolean, elapsed: number, now: number): void {
    this.#late.add(count, isLate, elapsed, now)
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
   * @param heldUp whether this look comes late, as this thread had no time
   */
  look(
    late: number,
    ready: number,
    open: number,
    answers: number,
    now: number,
    heldUp: boolean = false,
  ): void {
    this.#allow(now)
    if (ready === 0 || (this.#costly && ready < open)) return
    if (++this.#crowded === 1) {
      this.#cpu = this.#threadCpu()
      this.#cpuAt = now
    }
    if (heldUp) this.#heldUp++
    this.#stuck = answers === this.#answers ? this.#stuck + 1 : 0
    this.#answers = answers
    const isLate = 2 * late >= ready
    if (isLate) this.#sluggish++
    if (open < FEW) this.#goal = FEW
    else if (isLate && this.#isStuck(now)) this.#grow(open, now)
    else if (this.#isTime(open, now)) this.#judge(ready, open, now)
    this.limit.look(open)
  }

  /** Names that are answered late are worth connections that names without an answer are not. */
  #allow(now: number): void {
    this.#allowed = Math.min(UNANSWERED + PER_LATE * this.#late.lately(now), MOST)
  }

  /**
   * Whether names hold up all connections. Where those opened for that have not brought an answer either, and queries
   * have waited for a while, the upstream may as well stand still, having used up its share of the processor: then it
   * takes many looks.
   */
  #isStuck(now: number): boolean {
    if (this.#stuck < STUCK) return false
    return this.#costly || this.#answers !== this.#grownAt || now - this.#begunAt < BURST_MS
  }

  /** Whether there have been enough looks to judge by. */
  #isTime(open: number, now: number): boolean {
    if (this.#crowded >= this.#crowd) return true
    if (this.#costly || open <= MANY || this.#crowded < FEWEST_LOOKS) return false
    return now - this.#since >= this.#crowd * TICK_MS
  }

  /** Queries have waited for many looks: more connections, unless they are of no use. */
  #judge(ready: number, open: number, now: number): void {
    const count = this.#answers - this.#sinceAnswers
    const elapsed = Math.max(now - this.#since, 1)
    const rate = count / elapsed
    const isFlowing = 2 * this.#sluggish < this.#crowded
    const isBusy = isFlowing && this.#isBusy(now)
    if (isFlowing && this.#tried > 0 && rate * GAIN >= this.#rate) this.#settleFor(now)
    if (isBusy) this.#tryAt = Math.min(this.#tryAt, now + this.#pause)
    else if (isFlowing && this.#fewer > 0 && rate >= GAIN * this.#fewer) {
      this.#tryAt = now + USELESS_MS
    }
    const isCounted = count >= (isBusy ? COUNTED_BUSY : COUNTED) * ready
    const isTrial =
      isFlowing && isCounted && !this.#costly && now >= this.#tryAt && !this.#late.areMany(now)
    if (isTrial && open > MANY && this.#tried === 0 && now >= this.#enoughUntil) {
      this.#tried = open
      this.#rate = rate
      this.#goal = FEW
    } else if (!isFlowing || (now >= this.#enoughUntil && (!isBusy || rate < SLOW * ready))) {
      this.#grow(open, now, isBusy ? BUSY_FACTOR : this.#factor)
      this.#fewer = isFlowing && !isBusy ? rate : 0
    }
    this.#count(now)
  }

  /** Whether this thread has hardly any time left: it runs all the time, or is not let run when it wants to. */
  #isBusy(now: number): boolean {
    if (2 * this.#heldUp >= this.#crowded) return true
    return this.#threadCpu() - this.#cpu >= BUSY * Math.max(now - this.#cpuAt, 1)
  }

  /** Few connections do. */
  #settleFor(now: number): void {
    this.#enoughUntil = now + USELESS_MS
    this.#tried = 0
    this.#pause = PAUSE_MS
  }

  #grow(open: number, now: number, factor: number = this.#factor): void {
    this.#goal = Math.max(this.#tried, Math.min(factor * open, this.#allowed))
    if (this.#tried > 0) {
      this.#tryAt = now + this.#pause
      this.#pause = Math.min(2 * this.#pause, USELESS_MS)
    }
    this.#tried = this.#fewer = this.#enoughUntil = 0
    this.#grownAt = this.#answers
    this.#stuck = 0
    this.#count(now)
  }

  /** Counts from here on. */
  #count(now: number): void {
    this.#crowded = this.#sluggish = this.#heldUp = 0
    this.#since = now
    this.#sinceAnswers = this.#answers
  }

  /** The first query has to wait, after so many `answers`. */
  begin(answers: number, now: number): void {
    this.#stuck = 0
    this.limit.begin()
    this.#answers = answers
    this.#grownAt = -1
    this.#begunAt = now
    this.#count(now)
  }

  /** How many connections are enough, as far as was tried lately; infinite where that is not known. */
  enough(now: number): number {
    return this.#tried > 0 || now < this.#enoughUntil ? FEW : Infinity
  }

  /** Some time has passed: what was needed may not be needed any more. */
  settle(open: number, now: number): void {
    this.#allow(now)
    this.#goal = Math.max(WARM, Math.min(this.#goal, open))
    this.limit.settle(now)
  }
}
