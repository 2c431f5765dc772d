import { Timer } from '../lib/timer-wheel.ts'
import { Backoff } from './backoff.ts'
import type { ChannelOptions, ConnectionOwner } from './channel.ts'
import type { Connections } from './connections.ts'
import { FEW, type Growth, WARM } from './growth.ts'
import type { Pipelining, Quota } from './pipelining.ts'
import type { Spread } from './spread.ts'
import { UpstreamConnection } from './upstream-connection.ts'

/** 2,048 queries in flight on one of the first connections, 128 on those that slow names need. */
const ID_BITS = 11
const FEWER_ID_BITS = 7
/** Where nothing is connected, the next dial begins so long after one that has no answer: its pod may be dead. */
const STUCK_MS = 400
/**
 * Dials at once where the last ones failed and nothing is connected: of several pods behind one address one may be
 * gone, which one by one they might all meet.
 */
const AWAY = 4

export interface DiallerParts {
  readonly pool: ConnectionOwner<UpstreamConnection>
  readonly options: ChannelOptions
  readonly connections: Connections
  readonly growth: Growth
  readonly pipelining: Pipelining
  readonly quota: Quota
  readonly spread: Spread
  /** Those who wait for a connection. */
  readonly waiting: { readonly size: number }
}

/** Opens the connections of a pool, with pauses where that fails. */
export class Dialler {
  readonly backoff: Backoff = new Backoff()
  /** Connections that are being opened. */
  underWay = 0
  /** The latest connection that was opened to find out if the upstream takes more than it seems to. */
  trial: UpstreamConnection | null = null
  /** Clock time of the latest dial. */
  #dialledAt = 0
  readonly #parts: DiallerParts
  readonly #redial: Timer

  constructor(parts: DiallerParts) {
    this.#parts = parts
    this.#redial = new Timer(() => this.forWaiting())
  }

  /** Whether there may be another connection now, or one is being opened. */
  get mayOpen(): boolean {
    return this.underWay > 0 || (this.#room() > 0 && this.#pause() <= 0)
  }

  /** Whether there are as many connections as there may be. */
  get isFull(): boolean {
    return this.#room() <= 0
  }

  /** How many more connections there may be. */
  #room(): number {
    const { connections, growth, pipelining, quota } = this.#parts
    // Connections that showed a limit are gone.
    if (this.#isAway()) return AWAY - connections.count
    // In any order few do, but for those that may be given no more queries while a slow one keeps them open.
    const most = pipelining.isFree && quota.limit === Infinity ? FEW : Infinity
    return Math.min(growth.most, most) - connections.count
  }

  /** Milliseconds to wait before another attempt. */
  #pause(): number {
    return this.backoff.until - this.#parts.options.context.clock.now
  }

  /** Opens the first connections, so that there is another one when the first is busy. */
  warmUp(): void {
    if (this.#parts.connections.count < WARM) this.another()
  }

  /** Opens another connection, if there may be one. */
  another(): void {
    this.#dial(Math.min(1, this.#room()))
  }

  /**
   * Opens one that takes the place of another, unless one is being opened: for a moment there is one more than
   * there may be, but not more than the upstream takes.
   */
  renew(): void {
    const { connections, growth } = this.#parts
    if (this.underWay === 0 && connections.count < growth.most) this.#dial(1, true)
  }

  /** Opens one that is beyond what the upstream seems to take. */
  try(): void {
    if (this.#pause() > 0) return
    this.#dial(1)
    this.trial = this.#parts.connections.all.at(-1)!
  }

  /** Opens the connections there should be for those who wait: how many is for `Growth` to say. */
  forWaiting(): void {
    const { connections, growth, options, waiting } = this.#parts
    if (waiting.size === 0) return
    const wanted = this.#isAway()
      ? this.#room()
      : growth.wanted(connections.count, waiting.size - this.underWay)
    const count = Math.min(wanted > 0 || !this.#isStuck() ? wanted : 1, this.#room())
    if (count <= 0) return
    if (this.#pause() <= 0) this.#dial(count)
    else if (!this.#redial.isSet) options.context.wheel.set(this.#redial, this.#pause())
  }

  /** Whether nothing is connected, and an upstream that was there a moment ago refuses. A handshake is no cheap try. */
  #isAway(): boolean {
    const { connections, options } = this.#parts
    if (connections.ready > 0 || options.secure !== null) return false
    return this.backoff.isAway(options.context.clock.now)
  }

  /** Whether nothing is connected, and what is being opened takes its time. */
  #isStuck(): boolean {
    const { connections, options } = this.#parts
    if (options.context.clock.now - this.#dialledAt < STUCK_MS) return false
    return connections.count < FEW && connections.ready === 0
  }

  #dial(count: number, isSuccessor = false): void {
    const { connections, options, pipelining, pool, spread } = this.#parts
    if (count <= 0 || this.#pause() > 0) return
    this.#dialledAt = options.context.clock.now
    spread.dialled(isSuccessor, this.#dialledAt)
    for (let i = 0; i < count; i++) {
      this.underWay++
      const bits = connections.count < FEW ? ID_BITS : FEWER_ID_BITS
      const c = new UpstreamConnection(pool, options, pipelining, bits)
      c.isSuccessor = isSuccessor
      connections.add(c)
    }
  }

  succeeded(): void {
    this.underWay--
    this.backoff.succeeded()
  }

  /** @param code why, see `Backoff` */
  failed(now: number, code: string | null): void {
    this.underWay--
    this.backoff.failed(now, code)
  }
}
