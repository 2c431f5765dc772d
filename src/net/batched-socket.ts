import type { Clock } from '../lib/clock.ts'
import { type Continued, type Flushable, turn } from '../lib/turn.ts'
import { Protocol, Query, type ReplyTarget } from '../serve/query.ts'
import { shedByServer } from '../serve/shed-counters.ts'
import type { Descriptors } from '../sys/descriptors.ts'
import type { Libc } from '../sys/libc.ts'
import { type MessageVector, MSG_DONTWAIT } from '../sys/mmsg.ts'
import { Readable } from '../sys/readable.ts'
import { sockaddrAddress, sockaddrPort } from '../sys/sockaddr.ts'
import { lastArrival, localPort, type ReceiveQueue, receiveQueue } from '../sys/socket.ts'
import { BatchSize } from './batch-size.ts'
import { type NetCounters, UdpDrop } from './counters.ts'
import { InFlight } from './in-flight.ts'
import { readAhead } from './read-ahead.ts'
import { MOST_RECEIVED, receiveVector } from './receive-vector.ts'
import { SendQueue } from './send-queue.ts'
import { StandingQueue } from './standing-queue.ts'
import {
  type Dispatcher,
  MAX_DATAGRAM,
  MAX_UDP_REPLY,
  type UdpOptions,
  type UdpSocket,
} from './udp.ts'

/** Queries one socket serves per turn of the event loop, about a millisecond. What is behind them is read ahead. */
const TURN = 128
/** Nor does a turn take longer where the CPU is slow or short: answers of upstreams wait for its end. */
const TURN_MS = 5
/** Before a socket closes: more than its receive buffer holds. */
const LAST_TURN: number = 64 * TURN

/** `#at` while no datagram is being served. */
const NONE = -1

/** What a late answer is built in after its socket is gone. */
const nowhere: Buffer = Buffer.allocUnsafeSlow(65_535)

/** A UDP socket that libuv wakes: recvmmsg reads 64 datagrams at a time, and sendmmsg sends all their replies. */
export class BatchedSocket implements UdpSocket, ReplyTarget, Flushable, Continued {
  readonly protocol: Protocol = Protocol.Udp
  readonly maxSize: number = MAX_UDP_REPLY
  readonly localAddress: string
  readonly localPort: number
  received = 0
  readonly fd: number

  readonly #libc: Libc
  readonly #descriptors: Descriptors
  readonly #dispatcher: Dispatcher
  readonly #clock: Clock
  readonly #counters: NetCounters
  readonly #ipv6: boolean
  readonly #receive: MessageVector
  readonly #queue: SendQueue
  readonly #query: Query
  readonly #inFlight = new InFlight()
  readonly #standing = new StandingQueue()
  readonly #batch = new BatchSize()
  /** Null while a predecessor reads. */
  #readable: Readable | null = null
  /** Index of the datagram being served among those received together. */
  #at: number = NONE
  #turnEnds = false
  #goesOn = false
  #closing: Promise<void> | null = null
  #reads = true
  #closed = false

  /** Throws SyscallError where `fd` is no socket: it is the caller's until then. */
  constructor(libc: Libc, fd: number, waits: boolean, options: UdpOptions) {
    this.#libc = libc
    this.#descriptors = options.descriptors
    this.fd = fd
    this.#dispatcher = options.dispatcher
    this.#clock = options.clock
    this.#counters = options.counters
    this.#ipv6 = options.address.includes(':')
    this.localAddress = options.address
    this.localPort = localPort(libc, fd)
    this.#receive = receiveVector(libc, this.#ipv6)
    this.#queue = new SendQueue(libc, fd, this.#ipv6, options.counters, (replies) => {
      shedByServer.of(this.#query.server).responses += replies
    })
    this.#query = new Query(this)
    if (!waits) this.begin()
    this.#counters.udpSockets++
  }

  get address(): string {
    return this.localAddress
  }

  get port(): number {
    return this.localPort
  }

  get isFull(): boolean {
    return !this.#closed && this.#queue.isFull
  }

  receiveQueue(): ReceiveQueue | null {
    return this.#closed ? null : receiveQueue(this.#libc, this.fd)
  }

  begin(): void {
    this.#readable ??= new Readable(this.#libc, this.fd, this.#wake)
  }

  stopReading(): void {
    this.#reads = false
    this.#readable?.close()
  }

  drain(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(performance.now() + graceMs)
    return this.#closing
  }

  async #close(deadline: number): Promise<void> {
    do {
      await this.#inFlight.settle(deadline - performance.now())
      // What arrived meanwhile gets its answers too, while there is time.
      if (this.#reads && this.#readable !== null)
        this.#serveReceived(this.#clock.refresh(), LAST_TURN, deadline)
      this.#queue.flush()
    } while (this.#inFlight.count > 0 && performance.now() < deadline)
    this.#closed = true
    readAhead.leave(this)
    this.#queue.close()
    this.#counters.udpSockets--
    this.stopReading()
    this.#descriptors.close(this.fd)
  }

  readonly #wake = (): void => {
    const now = this.#clock.refresh()
    // Behind a full turn, and behind what waits already, there may be clients with few.
    const isBehind = readAhead.owner === this || (this.#batch.isFull && !this.#standing.isEmpty)
    if (isBehind && readAhead.begin(this)) turn.count(this.#readAhead(now), now)
    else turn.count(this.#serveReceived(now, TURN, now + TURN_MS), now)
    // In a dense turn replies wait for its end: each system call may wake the client.
    if (turn.isDense) this.#endTurnLater()
    else this.#queue.flush()
    // Who waits for an upstream may have left something to Node; see Readable.
    if (this.#inFlight.count > 0) this.#endTurnLater()
  }

  /**
   * Serves what the kernel holds, batch after batch, until nothing is left, `budget` queries have been
   * served or it is `end`. What waited in vain is not served, see StandingQueue.
   */
  #serveReceived(now: number, budget: number, end: number): number {
    let served = 0
    let time = now
    do {
      const wanted = this.#batch.count
      const count = this.#receiveBatch(wanted)
      if (count <= 0) break
      const last = count < wanted
      if (!last && this.#isStale(time)) {
        this.#counters.udpLate += count
        this.#batch.reset()
      } else {
        this.#serveBatch(count, time, false)
        served += count
      }
      if (last) break
      time = this.#batch.took(time, this.#clock.refresh())
    } while (served < budget && time < end)
    return served
  }

  /** Reads a batch. Returns its size: less than `wanted` where the kernel has no more, −1 where it has none. */
  #receiveBatch(wanted: number): number {
    const count = this.#libc.recvmmsg(this.fd, this.#receive.address, wanted, MSG_DONTWAIT, 0)
    // What comes meanwhile wakes us again.
    if (count < wanted && !this.#standing.isEmpty) this.#standing.ended()
    if (count <= 0) return count
    this.#counters.udpReceived.observe(count)
    this.received += count
    return count
  }

  /**
   * Reads what the kernel holds as far as there is room, and serves those whose clients have few. Nothing where
   * serving takes long: in the kernel it is told how long a query has waited.
   */
  #readAhead(now: number): number {
    let read = 0
    let isLast = false
    while (!isLast && this.#batch.isFull && readAhead.takesMore(read)) {
      const count = this.#receiveBatch(MOST_RECEIVED)
      if (count <= 0) break
      isLast = count < MOST_RECEIVED
      read += count
      if (!isLast && this.#isStale(now)) this.#counters.udpLate += count
      else this.#serveBatch(count, now, true)
    }
    readAhead.end()
    this.#goOnLater()
    return read
  }

  #goOnLater(): void {
    if (this.#goesOn || readAhead.owner !== this) return
    this.#goesOn = true
    turn.addLast(this)
  }

  /** Serves a batch of what was read ahead. */
  goOn(): void {
    this.#goesOn = false
    if (readAhead.owner !== this) return
    const now = this.#clock.refresh()
    for (let i = Math.min(this.#batch.count, readAhead.size); i > 0; i--) {
      readAhead.take(this.#query, now)
      this.#dispatcher.dispatch(this.#query)
    }
    this.#batch.took(now, this.#clock.refresh())
    this.#queue.flush()
    readAhead.end()
    this.#goOnLater()
  }

  /** @param sorts whether those of clients with many are kept for later */
  #serveBatch(count: number, now: number, sorts: boolean): void {
    const receive = this.#receive
    const query = this.#query
    for (let i = 0; i < count; i++) {
      this.#at = i
      query.client = receive.names[i]!
      if (sorts && readAhead.keep(query, receive.buffers[i]!, receive.lengthOf(i)))
        this.#inFlight.add()
      else this.#serve(receive.buffers[i]!, receive.lengthOf(i), now, receive.isTruncated(i))
    }
    this.#at = NONE
  }

  /** Whether the batch that was just read waited so long that nobody waits for its answers. */
  #isStale(now: number): boolean {
    if (!this.#standing.mayBeLate(now)) return false
    const arrival = lastArrival(this.#libc, this.fd)
    return arrival !== null && this.#standing.isStale(Date.now() - arrival, now)
  }

  #serve(wire: Buffer, length: number, now: number, truncated: boolean): void {
    if (truncated) this.#counters.udpTruncated++
    this.#query.reset(wire, Math.min(length, MAX_DATAGRAM), now)
    this.#inFlight.add()
    this.#dispatcher.dispatch(this.#query)
  }

  #endTurnLater(): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    turn.add(this)
  }

  /** The turn of the event loop is over: late answers leave. */
  flush(): void {
    this.#turnEnds = false
    if (!this.#closed) this.#queue.flush()
  }

  reserve(_q: Query): Buffer {
    return this.#closed ? nowhere : this.#queue.reserve()
  }

  /** An answer from elsewhere than a batch leaves with all others of this turn of the event loop. */
  send(q: Query, length: number): void {
    this.#inFlight.done()
    if (this.#closed) {
      this.#counters.udpDrops[UdpDrop.Closed]!++
      return
    }
    if (q === this.#query && this.#at !== NONE) {
      this.#queue.replyTo(this.#receive, this.#at, length)
    } else {
      this.#queue.add(q.client, length)
      if (this.#at === NONE) this.#endTurnLater()
    }
  }

  drop(_q: Query): void {
    this.#inFlight.done()
  }

  remoteAddress(q: Query): string {
    return sockaddrAddress(q.client)
  }

  remotePort(q: Query): number {
    return sockaddrPort(q.client)
  }

  isIPv6(_q: Query): boolean {
    return this.#ipv6
  }
}
