import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'

import type { Clock } from '../lib/clock.ts'
import { Protocol, Query, type ReplyTarget } from '../serve/query.ts'
import type { Closer } from '../sys/closing-order.ts'
import type { Libc } from '../sys/libc.ts'
import { clientSockaddr, scopedAddress, sockaddrAddress, sockaddrPort } from '../sys/sockaddr.ts'
import { bindUdp } from '../sys/socket.ts'
import { type NetCounters, UdpDrop } from './counters.ts'
import { InFlight } from './in-flight.ts'
import { lend, sameAddress } from './lend.ts'
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

const MAX_MESSAGE = 65_535
/** Replies that may wait for room in the kernel's send buffer; more are dropped. */
const MAX_BACKLOG = 64

/**
 * UDP with nothing but node:dgram, the fallback: a system call or two for each datagram, an address made
 * into text and a request object. A hit costs more than twice as much CPU.
 *
 * @param libc where the C library can be called, sockets can be handed over to a successor
 */
export function dgramBackend(reason: string, libc: Libc | null = null): UdpBackend {
  return {
    name: 'dgram',
    reason,
    async open(options) {
      if (libc === null) return new DgramSocket(await bind(options), options, null)
      const { closing = null } = options
      const bound = options.fd ?? bindUdp(libc, { ...options, receiveBuffer: RECEIVE_BUFFER })
      const fd = closing === null ? bound : closing.socket(bound)
      const closer = closing ?? libc
      try {
        return new DgramSocket(await lend(libc, fd, options.address), options, {
          libc,
          fd,
          closer,
        })
      } catch (cause) {
        closer.close(fd)
        throw cause
      }
    },
  }
}

/** A socket that we have a descriptor of beside node:dgram's. */
interface OwnDescriptor {
  readonly libc: Libc
  readonly fd: number
  readonly closer: Closer
}

function bind({ address, port }: UdpOptions): Promise<Socket> {
  const ipv6 = address.includes(':')
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: ipv6 ? 'udp6' : 'udp4',
      ipv6Only: ipv6,
      reusePort: true,
      recvBufferSize: RECEIVE_BUFFER,
      lookup: sameAddress,
    })
    socket.once('error', reject)
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', reject)
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

  readonly #own: OwnDescriptor | null
  readonly #socket: Socket
  readonly #dispatcher: Dispatcher
  readonly #clock: Clock
  readonly #counters: NetCounters
  readonly #ipv6: boolean
  readonly #query: Query
  readonly #inFlight = new InFlight()
  #reply: Buffer = Buffer.allocUnsafeSlow(MAX_MESSAGE)
  #closing: Promise<void> | null = null
  /** Resolves when node:dgram has closed its descriptor; null while it reads. */
  #letGo: Promise<void> | null = null
  /**
   * Takes the answers once node:dgram is gone: a closed socket cannot send, and an open one would go on
   * reading what belongs to the successor.
   */
  #late: SendQueue | null = null
  #closed = false

  constructor(socket: Socket, options: UdpOptions, own: OwnDescriptor | null) {
    this.#own = own
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

  /** Node keeps the descriptor to itself. */
  receiveQueue(): null {
    return null
  }

  get fd(): number {
    return this.#own?.fd ?? -1
  }

  begin(): void {}

  letGo(): void {
    if (this.#letGo !== null) return
    this.#letGo = new Promise<void>((resolve) => this.#socket.close(resolve))
    if (this.#own === null) return
    const { libc, fd } = this.#own
    this.#late = new SendQueue(libc, fd, this.#ipv6, this.#counters)
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs)
    return this.#closing
  }

  async #close(graceMs: number): Promise<void> {
    await this.#inFlight.settle(graceMs)
    this.#closed = true
    this.#counters.udpSockets--
    this.#late?.close()
    this.letGo()
    await this.#letGo
    if (this.#own !== null) this.#own.closer.close(this.#own.fd)
  }

  readonly #serve = (wire: Buffer, sender: RemoteInfo): void => {
    this.#counters.udpReceived.observe(1)
    this.received++
    if (wire.length > MAX_DATAGRAM) this.#counters.udpTruncated++
    const query = this.#query
    query.client = clientSockaddr(sender.address, sender.port)
    const now = this.#clock.refresh()
    query.reset(wire, Math.min(wire.length, MAX_DATAGRAM), now)
    this.#inFlight.add()
    this.#dispatcher.dispatch(query)
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
    if (this.#letGo !== null) {
      this.#sendLate(q, length)
      return
    }
    const waiting = this.#socket.getSendQueueCount()
    if (waiting >= MAX_BACKLOG) {
      this.#counters.udpDrops[UdpDrop.Backlog]!++
      return
    }
    this.#socket.send(this.#reply, 0, length, port, scopedAddress(q.client), this.#sent)
    // The kernel has no room now: that buffer belongs to dgram until it has.
    if (this.#socket.getSendQueueCount() > waiting) {
      this.#reply = Buffer.allocUnsafeSlow(MAX_MESSAGE)
    }
  }

  #sendLate({ client }: Query, length: number): void {
    if (this.#late === null) return
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
