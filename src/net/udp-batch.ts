import type { RemoteInfo, Socket } from 'node:dgram'

import type { Clock } from '../lib/clock.ts'
import { type Flushable, turn } from '../lib/turn.ts'
import { Protocol, Query, type ReplyTarget, SOCKADDR_SIZE } from '../serve/query.ts'
import type { Libc } from '../sys/libc.ts'
import { MessageVector, MSG_DONTWAIT } from '../sys/mmsg.ts'
import { sockaddrAddress, sockaddrPort, sockaddrSize, writeSockaddr } from '../sys/sockaddr.ts'
import { bindUdp, type ReceiveQueue, receiveQueue } from '../sys/socket.ts'
import { type NetCounters, UdpDrop } from './counters.ts'
import { InFlight } from './in-flight.ts'
import { lend } from './lend.ts'
import { SendQueue } from './send-queue.ts'
import {
  type Dispatcher,
  MAX_DATAGRAM,
  MAX_UDP_REPLY,
  RECEIVE_BUFFER,
  type UdpBackend,
  type UdpOptions,
  type UdpSocket,
} from './udp.ts'

/** Datagrams per recvmmsg. */
const COUNT = 64
/** 65 × 64 bytes apart: odd for the sake of the processor's cache (see mmsg.ts). */
const STRIDE = MAX_DATAGRAM + 64

/** Queries one socket serves per turn of the event loop: two milliseconds or three. */
const TURN = 512
/** Before a socket closes: more than its receive buffer holds. */
const LAST_TURN: number = 16 * TURN
/** Wake-ups with fewer queries than this are not counted: libuv makes at most 32 per turn. */
const LIGHT = 16

/** `#at` while the query is the datagram that libuv read. */
const FROM_LIBUV = -1

/** What a late answer is built in after its socket is gone. */
const nowhere: Buffer = Buffer.allocUnsafeSlow(65_535)

/** One for each family, shared by all sockets: what it holds is served before the next call. */
const receiveVectors: { ipv4?: MessageVector; ipv6?: MessageVector } = {}

/**
 * UDP with a system call for 64 datagrams instead of one. The socket is bound through the C library
 * and lent to node:dgram, whose event loop wakes us with the first datagram; the others are read and
 * all replies are sent by recvmmsg and sendmmsg.
 */
export function batchedBackend(libc: Libc, reason: string): UdpBackend {
  return {
    name: 'batched',
    reason,
    async open(options) {
      const fd = options.fd ?? bindUdp(libc, { ...options, receiveBuffer: RECEIVE_BUFFER })
      try {
        return new BatchedSocket(libc, fd, await lend(libc, fd, options.address), options)
      } catch (cause) {
        libc.close(fd)
        throw cause
      }
    },
  }
}

function receiveVector(libc: Libc, ipv6: boolean): MessageVector {
  const family = ipv6 ? 'ipv6' : 'ipv4'
  let vector = receiveVectors[family]
  if (vector === undefined) {
    vector = new MessageVector(libc, { count: COUNT, stride: STRIDE, size: MAX_DATAGRAM })
    // The kernel writes the same length back for every packet of the family.
    vector.setNameLength(sockaddrSize(ipv6))
    receiveVectors[family] = vector
  }
  return vector
}

class BatchedSocket implements UdpSocket, ReplyTarget, Flushable {
  readonly protocol: Protocol = Protocol.Udp
  readonly maxSize: number = MAX_UDP_REPLY
  readonly localAddress: string
  readonly localPort: number
  received = 0
  readonly fd: number

  readonly #libc: Libc
  readonly #socket: Socket
  readonly #dispatcher: Dispatcher
  readonly #clock: Clock
  readonly #counters: NetCounters
  readonly #ipv6: boolean
  readonly #receive: MessageVector
  readonly #queue: SendQueue
  readonly #query: Query
  readonly #inFlight = new InFlight()
  /** Sender of the datagram that libuv read, and what `#sender` was made from. */
  readonly #sender: Buffer = Buffer.alloc(SOCKADDR_SIZE)
  #senderAddress = ''
  #senderPort = -1
  /** Index of the datagram being served among those received together. */
  #at: number = FROM_LIBUV
  /** True while datagrams are served: replies made meanwhile leave with the batch. */
  #serving = false
  /** Queries that may still be served in this turn of the event loop. */
  #budget: number = TURN
  #turnEnds = false
  #closing: Promise<void> | null = null
  /** Resolves when node:dgram has closed its descriptor; null while it reads. */
  #letGo: Promise<void> | null = null
  #closed = false

  constructor(libc: Libc, fd: number, socket: Socket, options: UdpOptions) {
    this.#libc = libc
    this.fd = fd
    this.#socket = socket
    this.#dispatcher = options.dispatcher
    this.#clock = options.clock
    this.#counters = options.counters
    this.#ipv6 = options.address.includes(':')
    this.localAddress = options.address
    this.localPort = socket.address().port
    this.#receive = receiveVector(libc, this.#ipv6)
    this.#queue = new SendQueue(libc, fd, this.#ipv6, options.counters)
    this.#query = new Query(this)
    this.#counters.udpSockets++
    socket.on('message', this.#wake)
    // A failed read loses that datagram at most; the next one wakes us again.
    socket.on('error', () => {})
  }

  get address(): string {
    return this.localAddress
  }

  get port(): number {
    return this.localPort
  }

  receiveQueue(): ReceiveQueue | null {
    return this.#closed ? null : receiveQueue(this.#libc, this.fd)
  }

  letGo(): void {
    this.#letGo ??= new Promise<void>((resolve) => this.#socket.close(resolve))
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(performance.now() + graceMs)
    return this.#closing
  }

  async #close(deadline: number): Promise<void> {
    do {
      await this.#inFlight.settle(deadline - performance.now())
      // What arrived meanwhile gets its answers too, while there is time.
      this.#budget = this.#letGo === null ? LAST_TURN : 0
      this.#serveReceived(this.#clock.refresh())
      this.#queue.flush()
    } while (this.#inFlight.count > 0 && performance.now() < deadline)
    this.#closed = true
    this.#queue.close()
    this.#counters.udpSockets--
    this.letGo()
    await this.#letGo
    this.#libc.close(this.fd)
  }

  /** The first datagram of a batch comes from libuv, with its sender as text. */
  readonly #wake = (wire: Buffer, sender: RemoteInfo): void => {
    const now = this.#clock.refresh()
    this.#serving = true
    let served = 1
    this.#counters.udpReceived.observe(1)
    this.received++
    if (this.#readSender(sender)) {
      this.#at = FROM_LIBUV
      this.#query.sockaddr = this.#sender
      this.#serve(wire, wire.length, now, wire.length > MAX_DATAGRAM)
    }
    const inTime = this.#budget > 0
    if (inTime) served += this.#serveReceived(now)
    turn.count(served, now)
    // Once for all of them, unless the queue was full in between: each flush may wake the client.
    // In a dense turn and out of budget replies wait for its end: libuv may read 31 more one by one.
    if (inTime && !turn.isDense) this.#queue.flush()
    else this.#endTurnLater()
    this.#serving = false
    if (served < LIGHT) return
    this.#budget -= served
    this.#endTurnLater()
  }

  /** Serves what the kernel holds, batch after batch, until nothing is left or the turn is over. */
  #serveReceived(now: number): number {
    const receive = this.#receive
    const query = this.#query
    let served = 0
    while (served < this.#budget) {
      const count = this.#libc.recvmmsg(this.fd, receive.address, COUNT, MSG_DONTWAIT, 0)
      if (count <= 0) break
      this.#counters.udpReceived.observe(count)
      this.received += count
      for (let i = 0; i < count; i++) {
        this.#at = i
        query.sockaddr = receive.names[i]!
        this.#serve(receive.buffers[i]!, receive.lengthOf(i), now, receive.isTruncated(i))
      }
      served += count
      // The kernel had no more. What came meanwhile wakes us again.
      if (count < COUNT) break
    }
    return served
  }

  #serve(wire: Buffer, length: number, now: number, truncated: boolean): void {
    if (truncated) this.#counters.udpTruncated++
    this.#query.reset(wire, Math.min(length, MAX_DATAGRAM), now)
    this.#inFlight.add()
    this.#dispatcher.dispatch(this.#query)
  }

  /** Text to socket address, unless it is the same client again. */
  #readSender(sender: RemoteInfo): boolean {
    const { address, port } = sender
    if (address === this.#senderAddress && port === this.#senderPort) return true
    this.#senderAddress = ''
    if (!writeSockaddr(this.#libc, this.#sender, this.#ipv6, address, port)) return false
    this.#senderAddress = address
    this.#senderPort = port
    return true
  }

  #endTurnLater(): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    turn.add(this)
  }

  /** The turn of the event loop is over: late answers leave, and there is a new budget. */
  flush(): void {
    this.#turnEnds = false
    this.#budget = TURN
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
    if (q === this.#query && this.#at !== FROM_LIBUV) {
      this.#queue.replyTo(this.#receive, this.#at, length)
    } else {
      this.#queue.add(q.sockaddr, length)
    }
    if (!this.#serving) this.#endTurnLater()
  }

  drop(_q: Query): void {
    this.#inFlight.done()
  }

  remoteAddress(q: Query): string {
    return sockaddrAddress(q.sockaddr)
  }

  remotePort(q: Query): number {
    return sockaddrPort(q.sockaddr)
  }

  isIPv6(_q: Query): boolean {
    return this.#ipv6
  }
}
