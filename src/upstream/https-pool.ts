import { Timer } from '../lib/timer-wheel.ts'
import { HEADER_SIZE } from '../wire/header.ts'
import { Backoff } from './backoff.ts'
import type { Channel, ChannelOptions } from './channel.ts'
import type { Sweepable } from './context.ts'
import { Result, Transport } from './counters.ts'
import { resultOf } from './error-code.ts'
import { type Exchange, loseAll } from './exchange.ts'
import { HttpsConnection, type HttpsOwner } from './https-connection.ts'
import { judgeReply, Verdict } from './reply-check.ts'
import { RttEstimator } from './rtt.ts'
import { HedgeBudget } from './second-attempts.ts'
import type { Secure } from './secure.ts'
import { WaitingList } from './waiting-list.ts'

/** Connections at once. Each carries as many queries as the server lets it, a hundred at most. */
const MOST = 8
/** How often a query goes on elsewhere because its connection or stream ended. */
const MOVES = 3
/** A query is asked again after this long, if few are that slow. */
const SLOW_MS = 270
const SHARE = 1 / 40
/** Who has waited this long for a connection may try another upstream. */
const LONG_WAIT_MS = 500
/** Without a word for this long, with answers owed: the other end is gone. */
const HUNG_MS = 2000

/**
 * The connections to one upstream over HTTPS. One is opened first and carries all queries, whose answers
 * come in any order; another one only where it is full.
 *
 *     ask ─▶ the oldest with room ─▶ answered
 *       └──▶ waiting list ─▶ the next connection or answer; lost, when the last dial has failed
 */
export class HttpsPool implements Channel, Sweepable, HttpsOwner {
  readonly rtt: RttEstimator
  readonly backoff: Backoff = new Backoff()
  readonly #options: ChannelOptions
  readonly #secure: Secure
  readonly #waiting = new WaitingList()
  readonly #seconds = new HedgeBudget(SHARE)
  readonly #redial: Timer
  #all: readonly HttpsConnection[] = []
  #dialling: HttpsConnection | null = null
  #closing = false

  constructor(options: ChannelOptions, secure: Secure) {
    this.#options = options
    this.#secure = secure
    this.rtt = new RttEstimator(options.readTimeout)
    this.#redial = new Timer(() => this.#dial())
  }

  isReady(now: number): boolean {
    return now >= this.backoff.until || this.#all.length > 0
  }

  ask(x: Exchange): void {
    this.#seconds.asked()
    const c = this.#choose()
    if (c === null) this.#wait(x)
    else {
      this.#options.counters.reused[Transport.Https]!++
      c.send(x)
    }
  }

  #choose(): HttpsConnection | null {
    const { now } = this.#options.context.clock
    return this.#all.find((c) => c.hasRoom && !c.isAged(now) && !c.isSilent(now, HUNG_MS)) ?? null
  }

  #wait(x: Exchange): void {
    if (this.#waiting.full) {
      x.host?.lost(x, Result.Unreachable, null)
      return
    }
    const { clock, sweeper } = this.#options.context
    this.#waiting.add(x, clock.now)
    sweeper.add(this)
    this.#dial()
  }

  #dial(): void {
    const { clock, wheel } = this.#options.context
    if (this.#dialling !== null || this.#all.length >= MOST || this.#waiting.size === 0) return
    const pause = this.backoff.until - clock.now
    if (pause <= 0) this.#dialling = new HttpsConnection(this, this.#secure, this.#options)
    else if (!this.#redial.isSet) wheel.set(this.#redial, pause)
  }

  ready(c: HttpsConnection): void {
    this.#dialling = null
    this.#all = [...this.#all, c]
    this.backoff.succeeded()
    this.#pump()
  }

  #pump(): void {
    for (let x = this.#waiting.first(); x !== null; x = this.#waiting.first()) {
      const c = this.#choose()
      if (c === null) {
        this.#dial()
        return
      }
      this.#waiting.cancel(x)
      c.send(x)
      // Its time runs from here; who has been late once is not late again.
      if (!x.late) this.#options.context.wheel.set(x.timer, this.rtt.timeout)
    }
    if (this.#closing) this.#closeIdle()
  }

  replied(x: Exchange, message: Buffer): void {
    const { length } = message
    const verdict = length < HEADER_SIZE ? Verdict.Mismatch : judgeReply(x, message, length)
    if (verdict === Verdict.Mismatch) {
      this.#options.counters.mismatches++
      x.host?.lost(x, Result.Invalid, null)
    } else x.host?.received(x, message, length, verdict)
    this.#pump()
  }

  /** A status is an answer of sorts, that will not change; all else is tried again elsewhere. */
  failed(x: Exchange, code: string | null): void {
    if (code?.startsWith('HTTP_') === true) {
      this.#secure.distrusts(`its answer is HTTP status ${code.slice(5)}`)
      x.host?.lost(x, Result.Untrusted, code)
    } else if (++x.moved > MOVES) {
      x.host?.lost(x, Result.Closed, null)
    } else this.#wait(x)
    this.#pump()
  }

  ended(c: HttpsConnection, code: string | null): void {
    const { now } = this.#options.context.clock
    this.#all = this.#all.filter((other) => other !== c)
    if (c.answers === 0) this.backoff.failed(now, code)
    if (c === this.#dialling) {
      this.#dialling = null
      if (this.#all.length === 0) loseAll(this.#waiting.takeAll(), resultOf(code), code)
    }
    this.#pump()
  }

  patience(x: Exchange): number {
    const { now } = this.#options.context.clock
    if (x.carrier === this.#waiting) {
      return this.#all.length > 0 && now - x.queuedAt < LONG_WAIT_MS ? this.rtt.timeout : 0
    }
    const rest = SLOW_MS - (now - x.sentAt)
    if (rest > 0) return rest
    return this.#seconds.take(x.again) ? 0 : SLOW_MS
  }

  beaten(): void {
    this.#seconds.won()
  }

  /** Closes connections that are idle for too long, too many, too old, or hung. */
  sweep(now: number): boolean {
    const { expire, maxIdle } = this.#options
    let idle = 0
    for (const c of this.#all) {
      if (c.isSilent(now, HUNG_MS)) c.destroy(null)
      else if (c.isIdle) {
        const surplus = maxIdle > 0 && ++idle > maxIdle
        if (surplus || c.isAged(now) || now - c.usedAt >= expire) c.close()
      }
    }
    if (this.#closing) this.#closeIdle()
    return this.#all.length > 0 || this.#dialling !== null
  }

  close(): void {
    this.#closing = true
    this.#closeIdle()
  }

  #closeIdle(): void {
    if (this.#waiting.size > 0) return
    this.#dialling?.destroy(null)
    for (const c of this.#all) if (c.isIdle) c.close()
  }
}
