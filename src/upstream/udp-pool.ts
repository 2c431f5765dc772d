import { Timer } from '../lib/timer-wheel.ts'
import { Backoff } from './backoff.ts'
import type { Channel, ChannelOptions } from './channel.ts'
import type { Sweepable } from './context.ts'
import { Result, Transport } from './counters.ts'
import { isShortage, resultOf } from './error-code.ts'
import type { Exchange } from './exchange.ts'
import { random16 } from './random.ts'
import { RttEstimator } from './rtt.ts'
import { FurtherAttempts } from './second-attempts.ts'
import { type SocketOwner, UpstreamSocket } from './upstream-socket.ts'
import { WaitingList } from './waiting-list.ts'

/** Sockets that carry one query each; beyond, queries share them. */
const MOST = 64
/** As many where nothing has been answered lately: the upstream may not be there. */
const MOST_UNPROVEN = 16
/** A flood that wears sockets out faster than answers come must not take all descriptors. */
const MOST_WORN = 64
/** An upstream that has answered so lately, in milliseconds, is there, whatever one socket says. */
const RECENT = 1_000
/** Errors in a row, without an answer between them, that are not of one socket alone. */
const MOST_ERRORS = 3
/** Where there was no descriptor or port for a socket, none is opened for so long, while there are others. */
const SHORT_MS = 1_000

/**
 * The UDP sockets to one upstream. A query takes an idle one, on another port where that is worn. Where all
 * are busy queries share them, and one that has had many is put aside for its last answers.
 *
 *     sockets   [ busy ][ idle ][ busy ] …     idle: taken by the next query, the last one first
 *     worn      { s, s }                       closed with their last answer
 *
 * An error of a socket (ICMP, which anybody can forge who guesses its port) ends what that socket carries:
 * while others are answered it is sent from another one. Only where none is, nothing is sent for a while.
 * Where the system has no room for more sockets, queries share those that there are.
 */
export class UdpPool implements Channel, SocketOwner, Sweepable {
  readonly rtt: RttEstimator
  readonly backoff: Backoff = new Backoff()
  readonly #options: ChannelOptions
  readonly #sockets: UpstreamSocket[] = []
  readonly #idle: UpstreamSocket[] = []
  readonly #worn = new Set<UpstreamSocket>()
  readonly #waiting = new WaitingList()
  readonly #retry: Timer
  readonly #further: FurtherAttempts
  #closing = false
  /** Clock time of the last answer, and errors since. */
  #answeredAt = -Infinity
  #errors = 0
  /** Clock time until which there is no room for another socket. */
  #shortUntil = -Infinity

  constructor(options: ChannelOptions) {
    this.#options = options
    this.rtt = new RttEstimator(options.readTimeout)
    this.#further = new FurtherAttempts(this.rtt)
    this.#retry = new Timer(() => {
      for (const x of this.#waiting.takeAll()) this.ask(x)
    })
  }

  isReady(now: number): boolean {
    return now >= this.backoff.until
  }

  ask(x: Exchange): void {
    const { clock, wheel } = this.#options.context
    const pause = this.backoff.until - clock.now
    if (pause > 0 && !this.#waiting.full) {
      this.#waiting.add(x, clock.now)
      if (!this.#retry.isSet) wheel.set(this.#retry, pause)
      return
    }
    if (!x.again) this.#further.asked()
    const socket = pause > 0 ? null : this.#choose(x)
    if (socket === null) x.host?.lost(x, Result.Unreachable, null)
    else socket.send(x)
  }

  /** A datagram may be lost: who gets no answer in time asks again, and again if many are. */
  patience(x: Exchange): number {
    return this.#further.patience(x, this.#options.context.clock.now)
  }

  get isSilent(): boolean {
    return this.#further.isSilent
  }

  /** Its datagram was lost, by chance or because of where its port leads (a NAT's pod that is gone). */
  beaten({ carrier }: Exchange): void {
    this.#further.won()
    if (carrier instanceof UpstreamSocket) carrier.distrust()
  }

  /** A socket for one query; null where all have too many under way. */
  #choose({ avoid }: Exchange): UpstreamSocket | null {
    const idle = this.#takeIdle()
    if (idle !== null) {
      this.#options.counters.reused[Transport.Udp]!++
      return idle
    }
    const most = this.#isProven() ? MOST : MOST_UNPROVEN
    if (this.#sockets.length < most) {
      const shared = this.#isShort() ? this.#share() : null
      if (shared === null) return this.#open()
      this.#options.counters.reused[Transport.Udp]!++
      return shared
    }
    let place = random16() % this.#sockets.length
    if (this.#sockets[place] === avoid) place = (place + 1) % this.#sockets.length
    const socket = this.#sockets[place]!
    if (socket.isWornOut && this.#worn.size < MOST_WORN) {
      this.#worn.add(socket)
      this.#sockets[place] = this.#sockets.at(-1)!
      this.#sockets.pop()
      return this.#open()
    }
    this.#options.counters.reused[Transport.Udp]!++
    return socket.hasRoom ? socket : null
  }

  /** Whether the upstream has answered lately. */
  #isProven(): boolean {
    return this.#options.context.clock.now - this.#answeredAt < RECENT
  }

  #takeIdle(): UpstreamSocket | null {
    for (;;) {
      const socket = this.#idle.pop()
      if (socket === undefined) return null
      // Who gives a port back may get none.
      if (!socket.isWorn || this.#isShort() || socket.renew()) return socket
      socket.destroy()
    }
  }

  #isShort(): boolean {
    return this.#options.context.clock.now < this.#shortUntil
  }

  /** Any socket that can carry another query at once; null where there is none. */
  #share(): UpstreamSocket | null {
    const { length } = this.#sockets
    const start = random16()
    for (let i = 0; i < length; i++) {
      const socket = this.#sockets[(start + i) % length]!
      if (socket.isReady && socket.hasRoom) return socket
    }
    return null
  }

  #open(): UpstreamSocket {
    const opened = new UpstreamSocket(this, this.#options)
    this.#sockets.push(opened)
    this.#options.context.sweeper.add(this)
    return opened
  }

  ready(socket: UpstreamSocket): void {
    if (this.#worn.has(socket) || this.#closing) socket.destroy()
    else this.#idle.push(socket)
  }

  answered(): void {
    this.#answeredAt = this.#options.context.clock.now
    this.#errors = 0
  }

  proven(sentAt: number): void {
    this.#further.proven(sentAt)
  }

  closed(socket: UpstreamSocket, code: string | null): void {
    if (!this.#worn.delete(socket)) {
      removeFrom(this.#sockets, socket)
      removeFrom(this.#idle, socket)
    }
    const alone = code !== null && (this.#isShortOf(code) || this.#isAlone(code))
    const all = socket.takeAll()
    const result = resultOf(code)
    const newest = Math.max(...all.map(({ sentAt }) => sentAt))
    // Whoever was there is gone, with all that was asked before.
    if (result === Result.Refused) this.#further.proven(newest)
    for (const x of all) {
      // It is lost, but was not refused, and is asked again when it is late.
      if (x.sentAt < newest && result === Result.Refused) x.remind(this.#options.context.wheel)
      else if (alone && ++x.moved < MOST_ERRORS) this.ask(x)
      else x.host?.lost(x, result, code)
    }
  }

  /** Whether an error is for want of room, while other sockets are there to carry what that one did. */
  #isShortOf(code: string): boolean {
    if (!isShortage(code)) return false
    this.#shortUntil = this.#options.context.clock.now + SHORT_MS
    return this.#share() !== null
  }

  /** Whether an error is of one socket, while others are answered; begins a pause where it is not. */
  #isAlone(code: string): boolean {
    if (++this.#errors < MOST_ERRORS && this.#isProven()) return true
    this.backoff.failed(this.#options.context.clock.now, code)
    return false
  }

  /** Closes sockets that are idle for too long, or too many. */
  sweep(now: number): boolean {
    const { expire, maxIdle } = this.#options
    // The last in the list was used last.
    const most = maxIdle > 0 ? maxIdle : Infinity
    for (const socket of this.#idle.slice()) {
      if (now - socket.usedAt >= expire || this.#idle.length > most) socket.destroy()
    }
    return this.#sockets.length + this.#worn.size > 0
  }

  close(): void {
    this.#closing = true
    this.#closeIdle()
  }

  #closeIdle(): void {
    for (const socket of this.#idle.slice()) socket.destroy()
  }
}

function removeFrom(list: UpstreamSocket[], socket: UpstreamSocket): void {
  const place = list.lastIndexOf(socket)
  if (place >= 0) list.splice(place, 1)
}
