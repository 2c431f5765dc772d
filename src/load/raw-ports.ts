import { createSocket, type Socket } from 'node:dgram'
import type { Endpoint } from '../lib/address.ts'
import type { Libc } from '../sys/libc.ts'
import { MessageVector, MSG_DONTWAIT } from '../sys/mmsg.ts'
import { AF_INET, AF_INET6, clientSockaddr, sockaddrSize } from '../sys/sockaddr.ts'
import { check, errnoName, Sock } from '../sys/socket.ts'

/** Datagrams of one call, either way. */
export const BATCH = 64
const QUERY_SIZE = 320
const ANSWER_SIZE = 1472
/** 24 × 64 − 64 apart, an odd multiple: see mmsg.ts. */
const ANSWER_STRIDE = 1472

/** A connected UDP socket that is read and written many datagrams at a time. */
export interface RawPort {
  /** Copies a query, with another id, to place `i` of the next batch. */
  put(i: number, query: Buffer, id: number): void
  /** Sends the first `count` places. Fewer, or none, may leave; `error` says why then: '' for no room. */
  send(count: number): { readonly sent: number; readonly error: string | null }
  /** Takes what has come; returns the socket's error, or null. */
  receive(take: (bytes: Buffer, length: number) => void): string | null
  close(): void
}

/** Opens such sockets; all of them are one after the other, and share their buffers. */
export type OpenRawPort = (server: Endpoint) => RawPort

/** With sendmmsg and recvmmsg. Opening throws SyscallError. */
export function libcRawPorts(libc: Libc): OpenRawPort {
  const incoming = new MessageVector(libc, {
    count: BATCH,
    stride: ANSWER_STRIDE,
    size: ANSWER_SIZE,
  })
  const outgoing = new MessageVector(libc, { count: BATCH, stride: QUERY_SIZE, size: QUERY_SIZE })
  incoming.setNameLength(0)
  outgoing.setNameLength(0)
  return (server) => new LibcRawPort(libc, incoming, outgoing, server)
}

class LibcRawPort implements RawPort {
  readonly #libc: Libc
  readonly #incoming: MessageVector
  readonly #outgoing: MessageVector
  readonly #fd: number

  constructor(
    libc: Libc,
    incoming: MessageVector,
    outgoing: MessageVector,
    { host, port }: Endpoint,
  ) {
    this.#libc = libc
    this.#incoming = incoming
    this.#outgoing = outgoing
    const ipv6 = host.includes(':')
    const type = Sock.Datagram | Sock.NonBlocking | Sock.CloseOnExec
    this.#fd = libc.socket(ipv6 ? AF_INET6 : AF_INET, type, 0)
    check(libc, 'socket', this.#fd)
    try {
      const name = clientSockaddr(host, port)
      check(libc, 'connect', libc.connect(this.#fd, name, sockaddrSize(ipv6)))
    } catch (cause) {
      libc.close(this.#fd)
      throw cause
    }
  }

  put(i: number, query: Buffer, id: number): void {
    const buffer = this.#outgoing.buffers[i]!
    const { length } = query
    for (let at = 2; at < length; at++) buffer[at] = query[at]!
    buffer[0] = id >>> 8
    buffer[1] = id & 0xff
    this.#outgoing.point(i, i, length)
  }

  send(count: number): { sent: number; error: string | null } {
    const sent = this.#libc.sendmmsg(this.#fd, this.#outgoing.address, count, MSG_DONTWAIT)
    return sent < 0 ? { sent: 0, error: this.#error() ?? '' } : { sent, error: null }
  }

  receive(take: (bytes: Buffer, length: number) => void): string | null {
    const { address, buffers } = this.#incoming
    const count = this.#libc.recvmmsg(this.#fd, address, BATCH, MSG_DONTWAIT, 0)
    if (count < 0) return this.#error()
    for (let i = 0; i < count; i++) {
      take(buffers[i]!, Math.min(this.#incoming.lengthOf(i), ANSWER_SIZE))
    }
    return null
  }

  close(): void {
    this.#libc.close(this.#fd)
  }

  #error(): string | null {
    const code = errnoName(this.#libc.errno())
    return code === 'EAGAIN' ? null : code
  }
}

/** Datagrams of a socket that nobody has taken yet: more are dropped, as the kernel would. */
const MAX_WAITING = 4096

/** With sockets of Node.js, one call for each datagram. */
export const dgramRawPort: OpenRawPort = (server) => new DgramRawPort(server)

class DgramRawPort implements RawPort {
  readonly #socket: Socket
  readonly #places: Buffer[] = []
  #received: Buffer[] = []
  #errors: string[] = []
  #connected = false
  #closed = false

  constructor({ host, port }: Endpoint) {
    this.#socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    this.#socket.on('message', (bytes) => {
      if (this.#received.length < MAX_WAITING) this.#received.push(bytes)
    })
    this.#socket.on('error', this.#failed)
    this.#socket.connect(port, host, () => {
      this.#connected = true
      if (this.#closed) this.#socket.close()
    })
  }

  put(i: number, query: Buffer, id: number): void {
    const copy = Buffer.from(query)
    copy.writeUInt16BE(id, 0)
    this.#places[i] = copy
  }

  send(count: number): { sent: number; error: string | null } {
    if (!this.#connected) return { sent: 0, error: '' }
    for (let i = 0; i < count; i++) this.#socket.send(this.#places[i]!, this.#sent)
    return { sent: count, error: null }
  }

  receive(take: (bytes: Buffer, length: number) => void): string | null {
    const received = this.#received
    this.#received = []
    for (const bytes of received) take(bytes, bytes.length)
    return this.#errors.shift() ?? null
  }

  close(): void {
    this.#closed = true
    if (this.#connected) this.#socket.close()
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#failed(error)
  }

  readonly #failed = (error: NodeJS.ErrnoException): void => {
    if (this.#errors.length < MAX_WAITING) this.#errors.push(error.code ?? 'EIO')
  }
}
