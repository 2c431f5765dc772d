import { createSocket, type Socket } from 'node:dgram'
import type { Endpoint } from '../lib/address.ts'
import { constants } from 'node:os'
import type { PollHandle } from '../sys/event-loop.ts'
import type { Libc } from '../sys/libc.ts'
import { MessageVector, MSG_DONTWAIT } from '../sys/mmsg.ts'
import { AF_INET, AF_INET6, clientSockaddr, sockaddrSize } from '../sys/sockaddr.ts'
import { check, errnoName, setReceiveBuffer, Sock, takeError } from '../sys/socket.ts'

/** Datagrams of one call, either way. */
export const BATCH = 64
const QUERY_SIZE = 320
/** Bytes of answers the kernel may hold: one that is dropped here would count against the server. */
const RECEIVE_BUFFER: number = 4 * 2 ** 20
const ANSWER_SIZE = 1472
/** 23 × 64 apart, an odd multiple: see mmsg.ts. */
const ANSWER_STRIDE = 1472

/** A connected UDP socket that is read and written many datagrams at a time. */
export interface RawPort {
  /** Copies a query, with another id, to place `i` of the next batch. */
  put(i: number, query: Buffer, id: number): void
  /** Sends the first `count` places. Fewer, or none, may leave; `error` says why then: '' for no room. */
  send(count: number): { readonly sent: number; readonly error: string | null }
  /** Takes a batch of what has come; `error` is the socket's, or null. */
  receive(take: (bytes: Buffer, length: number) => void): {
    readonly count: number
    readonly error: string | null
  }
  close(): void
}

/** Opens such sockets, which share their buffers. @param ready told in each turn in which there is something to receive */
export type OpenRawPort = (server: Endpoint, ready: () => void) => RawPort

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
  return (server, ready) => new LibcRawPort({ libc, incoming, outgoing }, server, ready)
}

interface Parts {
  readonly libc: Libc
  readonly incoming: MessageVector
  readonly outgoing: MessageVector
}

class LibcRawPort implements RawPort {
  readonly #libc: Libc
  readonly #incoming: MessageVector
  readonly #outgoing: MessageVector
  readonly #fd: number
  readonly #poll: PollHandle
  readonly #tell: () => void
  /** An error that made the socket ready, until it is received. */
  #pending: string | null = null
  #closed = false

  constructor(parts: Parts, { host, port }: Endpoint, ready: () => void) {
    this.#libc = parts.libc
    this.#incoming = parts.incoming
    this.#outgoing = parts.outgoing
    this.#tell = ready
    const ipv6 = host.includes(':')
    const type = Sock.Datagram | Sock.NonBlocking | Sock.CloseOnExec
    this.#fd = this.#libc.socket(ipv6 ? AF_INET6 : AF_INET, type, 0)
    check(this.#libc, 'socket', this.#fd)
    setReceiveBuffer(this.#libc, this.#fd, RECEIVE_BUFFER)
    try {
      const name = clientSockaddr(host, port)
      check(this.#libc, 'connect', this.#libc.connect(this.#fd, name, sockaddrSize(ipv6)))
    } catch (cause) {
      this.#libc.close(this.#fd)
      throw cause
    }
    this.#poll = this.#libc.poll(this.#fd, this.#ready)
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

  receive(take: (bytes: Buffer, length: number) => void): { count: number; error: string | null } {
    const pending = this.#pending
    this.#pending = null
    const { address, buffers } = this.#incoming
    const count = this.#libc.recvmmsg(this.#fd, address, BATCH, MSG_DONTWAIT, 0)
    if (count < 0) return { count: 0, error: pending ?? this.#error() }
    for (let i = 0; i < count; i++) {
      take(buffers[i]!, Math.min(this.#incoming.lengthOf(i), ANSWER_SIZE))
    }
    return { count, error: pending }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#poll.close()
    this.#libc.close(this.#fd)
  }

  #error(): string | null {
    const errno = this.#libc.errno()
    return errno === constants.errno.EAGAIN ? null : errnoName(errno)
  }

  readonly #ready = (status: number): void => {
    if (this.#closed) return
    try {
      if (status < 0) {
        // libuv stops at an error; taken from the socket, it is forgotten.
        const errno = takeError(this.#libc, this.#fd)
        if (errno !== 0) this.#pending = errnoName(errno)
        this.#poll.start(this.#ready)
      }
      this.#tell()
    } catch (cause) {
      // An exception in a native callback would be lost.
      setImmediate(() => {
        throw cause
      })
    }
  }
}

/** Datagrams of a socket that nobody has taken yet: more are dropped, as the kernel would. */
const MAX_WAITING = 4096

/** With sockets of Node.js, one call for each datagram. */
export const dgramRawPort: OpenRawPort = (server, ready) => new DgramRawPort(server, ready)

class DgramRawPort implements RawPort {
  readonly #socket: Socket
  readonly #places: Buffer[] = []
  #received: Buffer[] = []
  #errors: string[] = []
  #connected = false
  #closed = false
  readonly #ready: () => void
  #told = false

  constructor({ host, port }: Endpoint, ready: () => void) {
    this.#ready = ready
    this.#socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    this.#socket.on('message', (bytes) => {
      if (this.#received.length < MAX_WAITING) this.#received.push(bytes)
      this.#tell()
    })
    this.#socket.on('error', this.#failed)
    this.#socket.connect(port, host, () => {
      this.#connected = true
      if (this.#closed) this.#socket.close()
      else this.#tell()
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

  receive(take: (bytes: Buffer, length: number) => void): { count: number; error: string | null } {
    const received = this.#received
    this.#received = []
    for (const bytes of received) take(bytes, bytes.length)
    const error = this.#errors.shift() ?? null
    if (this.#errors.length > 0) this.#tell()
    return { count: received.length, error }
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
    this.#tell()
  }

  /** Once for all that comes in a turn of the event loop. */
  #tell(): void {
    if (this.#told) return
    this.#told = true
    setImmediate(() => {
      this.#told = false
      if (!this.#closed) this.#ready()
    })
  }
}
