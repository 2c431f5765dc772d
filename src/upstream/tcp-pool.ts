import { Timer } from '../lib/timer-wheel.ts'
import { Backoff } from './backoff.ts'
import { type Channel, type ChannelHost, type ChannelOptions, resultOf } from './channel.ts'
import { Result, Transport } from './counters.ts'
import type { Exchange } from './exchange.ts'
import type { Verdict } from './reply-check.ts'
import { RttEstimator } from './rtt.ts'
import type { Sweepable } from './sweeper.ts'
import { type ConnectionOwner, TcpConnection } from './tcp-connection.ts'
import { WaitingList } from './waiting-list.ts'

/** Connections that are opened at once, so that one slow answer never blocks an upstream. */
const WARM = 2
const MOST = 8
/** Queries in flight on the least busy connection that make another one worth its dial. */
const BUSY = 100
/** Without a word for this long, with answers owed that nobody waits for: the other end is gone. */
const HUNG_MS = 2000

/**
 * The TCP connections to one upstream.
 *
 *     ask ─▶ the connection that owes the least, if it is not blocked
 *       └──▶ waiting list ─▶ the next connection that is ready        2 warm, at most 8
 *                       └──▶ lost, when the last dial has failed
 */
export class TcpPool implements Channel, ConnectionOwner, Sweepable {
  readonly rtt: RttEstimator
  readonly backoff: Backoff = new Backoff()
  readonly #host: ChannelHost
  readonly #o: ChannelOptions
  readonly #waiting = new WaitingList()
  readonly #redial: Timer
  #connections: TcpConnection[] = []
  #dialling = 0
  /** The connection chosen last, and how many queries of its tick may follow. */
  #batch: TcpConnection | null = null
  #batchRoom = 0
  #closing = false

  constructor(host: ChannelHost, options: ChannelOptions) {
    this.#host = host
    this.#o = options
    this.rtt = new RttEstimator(options.readTimeout)
    this.#redial = new Timer(() => this.#dialForWaiting())
  }

  isReady(now: number): boolean {
    return now >= this.backoff.until || this.#connections.some((c) => c.isReady)
  }

  ask(x: Exchange): void {
    const connection = this.#joinBatch(x) ?? this.#choose(x)
    if (connection === null) {
      this.#wait(x)
      return
    }
    this.#o.counters.reused[Transport.Tcp]!++
    connection.send(x)
    // Behind queries under way, an upstream that answers in order would let the next one wait.
    if (this.#connections.length < WARM || connection.owed > BUSY) this.#dial()
  }

  /**
   * The connection the previous query of this tick went to, while the batch is smaller than what is
   * in flight. A write and its reads cost as much as several queries; but few queries are better
   * spread, since an upstream that answers in order lets the second wait for the first.
   */
  #joinBatch(x: Exchange): TcpConnection | null {
    const batch = this.#batch
    if (batch === null || this.#batchRoom === 0 || !batch.isCollecting) return null
    if (!batch.hasRoom || batch === x.avoid) return null
    this.#batchRoom--
    return batch
  }

  /** The least busy connection that answers; a blocked one only where no other can be opened. */
  #choose(x: Exchange): TcpConnection | null {
    const { now } = this.#o.context.clock
    const patience = this.rtt.blockedAfter
    let best: TcpConnection | null = null
    let blocked: TcpConnection | null = null
    let owed = 0
    for (const c of this.#connections) {
      owed += c.owed
      if (!c.hasRoom || c === x.avoid) continue
      if (c.isSilent(now, patience)) {
        if (blocked === null || c.owed < blocked.owed) blocked = c
      } else if (best === null || c.owed < best.owed) best = c
    }
    this.#batch = best
    this.#batchRoom = owed
    return best ?? (this.#mayDial(now) || this.#dialling > 0 ? null : blocked)
  }

  #mayDial(now: number): boolean {
    return this.#connections.length < MOST && now >= this.backoff.until
  }

  #wait(x: Exchange): void {
    const stuffed = this.#connections.length >= MOST && this.#dialling === 0
    if (stuffed || this.#waiting.full) {
      this.#host.lost(x, Result.Unreachable, null)
      return
    }
    this.#waiting.add(x)
    this.#dialForWaiting()
  }

  #dialForWaiting(): void {
    if (this.#dialling > 0 || this.#waiting.size === 0) return
    const { clock, wheel } = this.#o.context
    const pause = this.backoff.until - clock.now
    if (pause > 0) {
      if (!this.#redial.isSet) wheel.set(this.#redial, pause)
      return
    }
    do this.#dial()
    while (this.#connections.length < WARM)
  }

  /** Opens another connection if there may be one more; one dial at a time beyond the warm ones. */
  #dial(): void {
    if (this.#dialling >= WARM || !this.#mayDial(this.#o.context.clock.now)) return
    if (this.#dialling > 0 && this.#connections.length >= WARM) return
    this.#dialling++
    this.#connections.push(new TcpConnection(this, this.#o))
    this.#o.context.sweeper.add(this)
  }

  connected(c: TcpConnection): void {
    this.#dialling--
    this.backoff.succeeded()
    for (const x of this.#waiting.takeAll()) {
      if (c.hasRoom) c.send(x)
      else this.#waiting.add(x)
    }
    this.#dialForWaiting()
  }

  received(x: Exchange, reply: Buffer, length: number, verdict: Verdict): void {
    this.#host.received(x, reply, length, verdict)
    if (this.#closing) this.#closeIdle()
  }

  closed(c: TcpConnection, code: string | null): void {
    this.#connections = this.#connections.filter((other) => other !== c)
    if (c.wasReady) this.#lost(c, code)
    else this.#notDialled(code)
  }

  /** A connection ended. Its queries are sent once more, unless they may be why it ended. */
  #lost(c: TcpConnection, code: string | null): void {
    const orphans = c.takeAll()
    if (orphans.length === 0) return
    if (!c.isSeasoned) this.backoff.failed(this.#o.context.clock.now)
    for (const x of orphans) {
      if (c.isSeasoned && !x.moved) {
        x.moved = true
        this.#wait(x)
      } else this.#host.lost(x, Result.Closed, code)
    }
  }

  /** A dial failed: who waits is lost with the last one, unless another connection can help. */
  #notDialled(code: string | null): void {
    this.#dialling--
    this.backoff.failed(this.#o.context.clock.now)
    if (this.#dialling > 0) return
    const result = resultOf(code)
    for (const x of this.#waiting.takeAll()) {
      const connection = this.#choose(x)
      if (connection === null) this.#host.lost(x, result, code)
      else connection.send(x)
    }
  }

  /** Closes connections that are idle for too long, too many, or hung. */
  sweep(now: number): boolean {
    const { expire, maxIdle } = this.#o
    let idle = 0
    for (const c of this.#connections) {
      if (!c.isReady || !c.isIdle) continue
      const surplus = maxIdle > 0 && ++idle > maxIdle
      if (surplus || now - c.usedAt >= expire || c.isSilent(now, HUNG_MS)) c.destroy()
    }
    return this.#connections.length > 0
  }

  close(): void {
    this.#closing = true
    this.#closeIdle()
  }

  #closeIdle(): void {
    if (this.#waiting.size > 0) return
    for (const c of this.#connections) if (c.isIdle) c.destroy()
  }
}
