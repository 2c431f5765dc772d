import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import type { Clock } from '../lib/clock.ts'
import { Protocol, Query, type ReplyTarget } from '../serve/query.ts'
import { shedByServer } from '../serve/shed-counters.ts'
import type { Descriptors } from '../sys/descriptors.ts'
import { duplicate } from '../sys/scm.ts'
import { lastArrival } from '../sys/socket.ts'
import { clientSockaddr, scopedAddress, sockaddrAddress, sockaddrPort } from '../sys/sockaddr.ts'
import { type NetCounters, UdpDrop } from './counters.ts'
import { InFlight } from './in-flight.ts'
import { SendQueue } from './send-queue.ts'
import { StandingQueue } from './standing-queue.ts'
import {
  type Dispatcher,
  MAX_DATAGRAM,
  MAX_UDP_REPLY,
  RECEIVE_BUFFER,
  type UdpBackend,
  type UdpOptions,
  type UdpSocket,
} from './udp.ts'

const MAX_MESSAGE = 65_535
/** Replies that may wait for room in the kernel's send buffer; more are dropped. */
const MAX_BACKLOG = 64
/** Of so many queries one is asked how long it has waited, */
const JUDGED = 8
/** and what was found is out of date after so many milliseconds: Node does not tell when there is nothing to read. */
const JUDGED_MS = 1_000

type Lookup = (
  host: string,
  options: unknown,
  done: (error: null, address: string, family: number) => void,
) => void

/** Replies go to addresses, never to names. Without this dgram defers each send by a tick. */
const sameAddress: Lookup = (host, _options, done) => done(null, host, 0)

/**
 * UDP with nothing but node:dgram, the fallback: a system call or two for each datagram, an address made
 * into text and a request object. A hit costs more than twice as much CPU. Where the C library can be
 * called, sockets can be handed over to a successor.
 */
export function dgramBackend(reason: string): UdpBackend {
  return {
    name: 'dgram',
    reason,
    open: (options) =>
      options.descriptors.udp(
        options,
        RECEIVE_BUFFER,
        async (fd) => new DgramSocket(await bind(options, fd), fd, options),
      ),
  }
}

/**
 * Node's socket, on a second descriptor of `fd`: closing one leaves the other as it is, so that the reader
 * may go while answers are still sent. Without the C library Node opens one.
 */
async function bind({ address, port, descriptors }: UdpOptions, fd: number): Promise<Socket> {
  const { libc } = descriptors
  const ipv6 = address.includes(':')
  const own = { ipv6Only: ipv6, reusePort: true, recvBufferSize: RECEIVE_BUFFER }
  const socket = createSocket({
    type: ipv6 ? 'udp6' : 'udp4',
    lookup: sameAddress,
    ...(libc === null ? own : {}),
  })
  const at = libc === null ? { address, port, exclusive: true } : { fd: duplicate(libc, fd) }
  return new Promise((resolve, reject) => {
    socket.once('error', (cause) => {
      if ('fd' in at) libc?.close(at.fd)
      // Node has a descriptor of its own by now, and keeps it.
      socket.close()
      reject(cause)
    })
    socket.bind(at, () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}

class DgramSocket implements UdpSocket, ReplyTarget {
  readonly protocol: Protocol = Protocol.Udp
  readonly maxSize: number = MAX_UDP_REPLY
  readonly localAddress: string
  readonly localPort: number
  received = 0

  /** Beside node:dgram's; −1 where there is none. */
  readonly fd: number
  readonly #descriptors: Descriptors
  readonly #socket: Socket
  readonly #dispatcher: Dispatcher
  readonly #clock: Clock
  readonly #counters: NetCounters
  readonly #ipv6: boolean
  readonly #query: Query
  readonly #inFlight = new InFlight()
  #reply: Buffer = Buffer.allocUnsafeSlow(MAX_MESSAGE)
  readonly #standing = new StandingQueue()
  #isLate = false
  #judgedAt = 0
  #closing: Promise<void> | null = null
  /** Resolves when node:dgram has closed its descriptor; null while it reads. */
  readerClosed: Promise<void> | null = null
  /**
   * Takes the answers once node:dgram is gone: a closed socket cannot send, and an open one would go on
   * reading what belongs to the successor. Made by the first such answer.
   */
  #late: SendQueue | null = null
  #closed = false

  constructor(socket: Socket, fd: number, options: UdpOptions) {
    this.fd = fd
    this.#descriptors = options.descriptors
    this.#socket = socket
    this.#dispatcher = options.dispatcher
    this.#clock = options.clock
    this.#counters = options.counters
    this.#ipv6 = options.address.includes(':')
    this.localAddress = options.address
    this.localPort = socket.address().port
    this.#query = new Query(this)
    this.#counters.udpSockets++
    socket.on('message', this.#serve)
    // A failed read loses that datagram at most.
    socket.on('error', () => {})
  }

  get address(): string {
    return this.localAddress
  }

  get port(): number {
    return this.localPort
  }

  get isFull(): boolean {
    return this.readerClosed === null && this.#socket.getSendQueueCount() >= MAX_BACKLOG
  }

  /** Node keeps the descriptor to itself. */
  receiveQueue(): null {
    return null
  }

  begin(): void {}

  stopReading(): void {
    if (this.readerClosed !== null) return
    this.readerClosed = new Promise<void>((resolve) => this.#socket.close(resolve))
  }

  drain(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs)
    return this.#closing
  }

  async #close(graceMs: number): Promise<void> {
    await this.#inFlight.settle(graceMs)
    this.#closed = true
    this.#counters.udpSockets--
    this.#late?.close()
    this.stopReading()
    await this.readerClosed
    this.#descriptors.close(this.fd)
  }

  readonly #serve = (wire: Buffer, sender: RemoteInfo): void => {
    this.#counters.udpReceived.observe(1)
    this.received++
    if (wire.length > MAX_DATAGRAM) this.#counters.udpTruncated++
    const now = this.#clock.refresh()
    const isDue = this.received % JUDGED === 0
    if (isDue || (this.#isLate && now - this.#judgedAt > JUDGED_MS)) this.#isLate = this.#judge(now)
    if (this.#isLate) {
      this.#counters.udpLate++
      return
    }
    const query = this.#query
    query.client = clientSockaddr(sender.address, sender.port)
    query.reset(wire, Math.min(wire.length, MAX_DATAGRAM), now)
    this.#inFlight.add()
    this.#dispatcher.dispatch(query)
  }

  /** Whether the query just read, and so those around it, waited in vain, as StandingQueue has it. */
  #judge(now: number): boolean {
    const { libc } = this.#descriptors
    if (libc === null || this.fd < 0) return false
    if (now - this.#judgedAt > JUDGED_MS) this.#standing.ended()
    this.#judgedAt = now
    const arrival = lastArrival(libc, this.fd)
    return arrival !== null && this.#standing.isStale(Date.now() - arrival, now)
  }

  reserve(_q: Query): Buffer {
    return this.#reply
  }

  send(q: Query, length: number): void {
    this.#inFlight.done()
    const port = sockaddrPort(q.client)
    // Port 0 is a forged sender: dgram would throw.
    if (this.#closed || port === 0) {
      const reason = this.#closed ? UdpDrop.Closed : UdpDrop.Unsendable
      this.#counters.udpDrops[reason]!++
      return
    }
    if (this.readerClosed !== null) {
      this.#sendLate(q, length)
      return
    }
    const waiting = this.#socket.getSendQueueCount()
    if (waiting >= MAX_BACKLOG) {
      this.#counters.udpDrops[UdpDrop.Backlog]!++
      shedByServer.of(q.server).responses++
      return
    }
    this.#socket.send(this.#reply, 0, length, port, scopedAddress(q.client), this.#sent)
    // The kernel has no room now: that buffer belongs to dgram until it has.
    if (this.#socket.getSendQueueCount() > waiting) {
      this.#reply = Buffer.allocUnsafeSlow(MAX_MESSAGE)
    }
  }

  #sendLate({ client }: Query, length: number): void {
    const { libc } = this.#descriptors
    if (libc === null) return
    this.#late ??= new SendQueue(libc, this.fd, this.#ipv6, this.#counters)
    this.#reply.copy(this.#late.reserve(), 0, 0, length)
    this.#late.add(client, length)
    this.#late.flush()
  }

  readonly #sent = (error: Error | null): void => {
    if (error === null) {
      this.#counters.udpSent.observe(1)
      return
    }
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    this.#counters.udpSendErrors.get(code).count++
    this.#counters.udpDrops[UdpDrop.Unsendable]!++
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
