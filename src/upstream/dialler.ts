import { Timer } from '../lib/timer-wheel.ts'
import { Backoff } from './backoff.ts'
import type { ChannelOptions, ConnectionOwner } from './channel.ts'
import type { Connections } from './connections.ts'
import { FEW, type Growth, MOST, WARM } from './growth.ts'
import type { Pipelining } from './pipelining.ts'
import { UpstreamConnection } from './upstream-connection.ts'

/** 2,048 queries in flight on one of the first connections, 128 on those that slow names need. */
const ID_BITS = 11
const FEWER_ID_BITS = 7

export interface DiallerParts {
  readonly pool: ConnectionOwner<UpstreamConnection>
  readonly options: ChannelOptions
  readonly connections: Connections
  readonly growth: Growth
  readonly pipelining: Pipelining
  /** Those who wait for a connection. */
  readonly waiting: { readonly size: number }
}

/** Opens the connections of a pool, with pauses where that fails. */
export class Dialler {
  readonly backoff: Backoff = new Backoff()
  /** Connections that are being opened. */
  underWay = 0
  readonly #parts: DiallerParts
  readonly #redial: Timer

  constructor(parts: DiallerParts) {
    this.#parts = parts
    this.#redial = new Timer(() => this.forWaiting())
  }

  /** Whether there may be another connection now, or one is being opened. */
  get mayOpen(): boolean {
    return this.underWay > 0 || (this.#room > 0 && this.#pause <= 0)
  }

  /** Whether there are as many connections as there may be. */
  get isFull(): boolean {
    return this.#room <= 0
  }

  /** How many more connections there may be. */
  get #room(): number {
    const { connections, growth, pipelining } = this.#parts
    const most = pipelining.isFree ? FEW : MOST
    return Math.min(growth.limit, most) - connections.count
  }

  /** Milliseconds to wait before another attempt. */
  get #pause(): number {
    return this.backoff.until - this.#parts.options.context.clock.now
  }

  /** Opens the first connections, so that there is another one when the first is busy. */
  warmUp(): void {
    if (this.#parts.connections.count < WARM) this.another()
  }

  /** Opens another connection, if there may be one. */
  another(): void {
    this.#dial(Math.min(1, this.#room))
  }

  /** Opens the connections there should be for those who wait: how many is for `Growth` to say. */
  forWaiting(): void {
    const { connections, growth, options, waiting } = this.#parts
    if (waiting.size === 0) return
    const wanted = growth.wanted(connections.count, waiting.size - this.underWay)
    const count = Math.min(wanted, this.#room)
    if (count <= 0) return
    if (this.#pause <= 0) this.#dial(count)
    else if (!this.#redial.isSet) options.context.wheel.set(this.#redial, this.#pause)
  }

  #dial(count: number): void {
    const { connections, options, pipelining, pool } = this.#parts
    if (this.#pause > 0) return
    for (let i = 0; i < count; i++) {
      this.underWay++
      const bits = connections.count < FEW ? ID_BITS : FEWER_ID_BITS
      connections.add(new UpstreamConnection(pool, options, pipelining, bits))
    }
  }

  succeeded(): void {
    this.underWay--
    this.backoff.succeeded()
  }

  failed(now: number): void {
    this.underWay--
    this.backoff.failed(now)
  }
}
