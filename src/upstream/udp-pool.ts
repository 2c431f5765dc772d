import { Timer } from '../lib/timer-wheel.ts'
import { Backoff } from './backoff.ts'
import { type Channel, type ChannelHost, type ChannelOptions, resultOf } from './channel.ts'
import { Result, Transport } from './counters.ts'
import type { Exchange } from './exchange.ts'
import { random16 } from './random.ts'
import type { Verdict } from './reply-check.ts'
import { RttEstimator } from './rtt.ts'
import type { Sweepable } from './sweeper.ts'
import { type SocketOwner, UdpSocket } from './udp-socket.ts'
import { WaitingList } from './waiting-list.ts'

/** Source ports in use at once; a power of two. */
const PLACES = 16
/** A flood that wears sockets out faster than answers come must not take all descriptors. */
const MOST_WORN = 64

/**
 * The UDP sockets to one upstream. Each query picks a place at random; a place whose socket is worn
 * gets a new one, on another port, while the old one waits for its last answers.
 *
 *     places   [ s ] [ - ] [ s ] [ s ] …       - : opened by the next query that picks it
 *     worn     { s, s }                        closed with their last answer
 */
export class UdpPool implements Channel, SocketOwner, Sweepable {
  readonly rtt: RttEstimator
  readonly backoff: Backoff = new Backoff()
  readonly #host: ChannelHost
  readonly #o: ChannelOptions
  readonly #places = new Array<UdpSocket | null>(PLACES).fill(null)
  readonly #worn = new Set<UdpSocket>()
  readonly #waiting = new WaitingList()
  readonly #retry: Timer
  #closing = false

  constructor(host: ChannelHost, options: ChannelOptions) {
    this.#host = host
    this.#o = options
    this.rtt = new RttEstimator(options.readTimeout)
    this.#retry = new Timer(() => {
      for (const x of this.#waiting.takeAll()) this.ask(x)
    })
  }

  isReady(now: number): boolean {
    return now >= this.backoff.until
  }

  ask(x: Exchange): void {
    const { clock, wheel } = this.#o.context
    const pause = this.backoff.until - clock.now
    if (pause > 0 && !this.#waiting.full) {
      this.#waiting.add(x, clock.now)
      if (!this.#retry.isSet) wheel.set(this.#retry, pause)
      return
    }
    const socket = pause > 0 ? null : this.#choose()
    if (socket === null) this.#host.lost(x, Result.Unreachable, null)
    else socket.send(x)
  }

  /** A datagram may be lost: who gets no answer in time asks again. */
  patience(): number {
    return 0
  }

  beaten(): void {}

  /** The socket at a random place; null where it has too many queries under way. */
  #choose(): UdpSocket | null {
    const place = random16() & (PLACES - 1)
    const socket = this.#places[place] ?? null
    if (socket !== null && !this.#retire(socket)) {
      this.#o.counters.reused[Transport.Udp]!++
      return socket.hasRoom ? socket : null
    }
    const opened = new UdpSocket(this, this.#o)
    this.#places[place] = opened
    this.#o.context.sweeper.add(this)
    return opened
  }

  /** Whether a socket has made room for one on another port, which it does where it is worn. */
  #retire(socket: UdpSocket): boolean {
    if (!socket.isWorn) return false
    if (socket.isIdle) socket.destroy()
    else if (this.#worn.size < MOST_WORN) this.#worn.add(socket)
    else return false
    return true
  }

  received(x: Exchange, reply: Buffer, length: number, verdict: Verdict): void {
    this.#host.received(x, reply, length, verdict)
    for (const socket of this.#worn) if (socket.isIdle) socket.destroy()
    if (this.#closing) this.#closeIdle()
  }

  closed(socket: UdpSocket, code: string | null): void {
    this.#worn.delete(socket)
    const place = this.#places.indexOf(socket)
    if (place >= 0) this.#places[place] = null
    if (code !== null) this.backoff.failed(this.#o.context.clock.now)
    for (const x of socket.takeAll()) this.#host.lost(x, resultOf(code), code)
  }

  /** Closes sockets that are idle for too long, or too many. */
  sweep(now: number): boolean {
    const { expire, maxIdle } = this.#o
    let idle = 0
    let open = this.#worn.size
    for (const socket of this.#worn) if (socket.isIdle) socket.destroy()
    for (const socket of this.#places) {
      if (socket === null) continue
      open++
      if (!socket.isIdle) continue
      if (now - socket.usedAt >= expire || (maxIdle > 0 && ++idle > maxIdle)) socket.destroy()
    }
    return open > 0
  }

  close(): void {
    this.#closing = true
    this.#closeIdle()
  }

  #closeIdle(): void {
    for (const socket of this.#places) if (socket?.isIdle) socket.destroy()
  }
}
