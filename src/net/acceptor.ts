import { Socket, type Server } from 'node:net'
import { constants } from 'node:os'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { isWildcard } from '../lib/address.ts'
import { descriptorOf } from '../lib/descriptor-of.ts'
import { turn } from '../lib/turn.ts'
import { type Poller, poller, Ready, type Watcher } from '../sys/epoll.ts'
import type { Libc } from '../sys/libc.ts'
import { AF_INET, AF_INET6, scopedAddress, sockaddrPort } from '../sys/sockaddr.ts'
import { noDelay, Sock, SyscallError } from '../sys/socket.ts'
import { type ClientStream, NodeStream } from './client-stream.ts'
import { type Local, RawStream } from './raw-stream.ts'

const { EAGAIN, EMFILE, ENFILE, ENOMEM, ENOBUFS } = constants.errno
const F_DUPFD_CLOEXEC = 1030
const O_CLOEXEC = 0o2000000
const NAME_SIZE = 28
/** Where the IPv4 address stands in one of IPv6 that is one. */
const MAPPED_AT = 20
/**
 * Connections accepted in one turn, fewer than are served meanwhile: who has come later waits in the kernel, not here,
 * where it would look idle until its query is read.
 */
const MOST = 16
/** Milliseconds without accepting where the system has no room for connections. */
const PAUSE_MS = 50
/** Closed streams, with what speaks on them, that are kept for new connections. */
const SPARE = 512

/** Who takes what is accepted. */
export interface Acceptance {
  accepted(stream: ClientStream): void
  /** The same where `wantsSockets`. */
  acceptedSocket(socket: Socket): void
  /** Whether what is accepted from now on is to be encrypted, or speaks HTTP. */
  readonly wantsSockets: boolean
  /** A connection is lost, or may be: the system has no room for it. */
  refused(): void
}

/** A listening socket. */
export interface Acceptor {
  readonly port: number
  /** −1 where Node keeps it to itself. */
  readonly fd: number
  /** Whether it listens. */
  readonly isOpen: boolean
  /** Throws SyscallError where the system has no room for it; it is closed then. */
  start(taker: Acceptance): void
  /** Accepts who waits in the kernel, `most` at most. */
  acceptWaiting(most: number): Promise<void>
  /** Closes this process's descriptor, and leaves the socket to any other process that has one. */
  close(): void
  /** Takes back a stream that is closed, for another connection: with its owner. */
  give(stream: ClientStream): void
}

/** Accepts through Node: what is encrypted, and where the C library cannot be called. */
export class NodeAcceptor implements Acceptor {
  readonly #server: Server
  #accepted = 0

  /** @param server listens already, with `allowHalfOpen` */
  constructor(server: Server) {
    this.#server = server
  }

  get port(): number {
    return portOf(this.#server)
  }

  get fd(): number {
    return descriptorOf(this.#server)
  }

  get isOpen(): boolean {
    return this.#server.listening
  }

  start(taker: Acceptance): void {
    this.#server.on('connection', (socket) => {
      this.#accepted++
      if (taker.wantsSockets) taker.acceptedSocket(socket)
      else taker.accepted(new NodeStream(socket))
    })
    // Out of descriptors: this connection is lost, the listener is not.
    this.#server.on('error', () => taker.refused())
  }

  /** libuv takes one connection a turn, and the turn that goes on now may have had its own already. */
  async acceptWaiting(most: number): Promise<void> {
    let quiet = 0
    for (let turns = 0; turns < most && quiet < 2; turns++) {
      const before = this.#accepted
      await nextTurn()
      quiet = this.#accepted === before ? quiet + 1 : 0
    }
  }

  close(): void {
    this.#server.close()
  }

  /** Streams of Node's are for one connection. */
  give(): void {}
}

/** Accepts through the C library: a connection is two system calls, and no object of Node's. */
export class RawAcceptor implements Acceptor, Watcher {
  readonly port: number
  /** −1 once it is closed. */
  fd: number
  readonly #libc: Libc
  readonly #poller: Poller
  /** Where all are accepted; null for a wildcard, where each is asked. */
  readonly #local: Local | null
  readonly #name: Buffer
  readonly #nameAddress: number
  readonly #size: DataView
  #taker: Acceptance | null = null
  /** /dev/null: closed where there is no other descriptor, to accept and close who would else wait for ever. */
  #spare: number
  #pause: NodeJS.Timeout | null = null
  /** Connections accepted in the last turn that had any, and in the one before. */
  #count = 0
  #expected = 1
  readonly #spareStreams: RawStream[] = []

  /**
   * Throws SyscallError where there is no descriptor for it.
   *
   * @param server listens already, and does so no more afterwards: its socket is taken over
   * @param host the address that it is bound to, '' for every one
   */
  constructor(libc: Libc, server: Server, host: string) {
    this.#libc = libc
    this.#poller = poller(libc)
    this.port = portOf(server)
    const { address, bytes } = libc.allocate(NAME_SIZE + 4)
    this.#nameAddress = address
    this.#name = Buffer.from(bytes, 0, NAME_SIZE)
    this.#size = new DataView(bytes, NAME_SIZE, 4)
    this.#spare = libc.open('/dev/null', O_CLOEXEC, 0)
    const given = descriptorOf(server)
    // Above the given one: on a node its number says when the kernel closes it.
    this.fd = libc.fcntl(given, F_DUPFD_CLOEXEC, given)
    const errno = libc.errno()
    server.close()
    if (!this.isOpen) throw this.#failure('fcntl', errno)
    this.#local = isWildcard(host) ? null : this.#localOf(this.fd)
    // Accepted sockets have it from here.
    noDelay(libc, this.fd)
  }

  get isOpen(): boolean {
    return this.fd >= 0
  }

  start(taker: Acceptance): void {
    this.#taker = taker
    if (!this.#poller.watch(this.fd, Ready.In, this))
      throw this.#failure('epoll', this.#libc.errno())
  }

  /** Why it cannot be used, which it is not any more. */
  #failure(syscall: string, errno: number): SyscallError {
    this.#end()
    return new SyscallError(syscall, errno)
  }

  ready(_events: number, again: boolean): void {
    if (!again) {
      this.#expected = Math.max(1, this.#count)
      this.#count = 0
    }
    // Whether there are more than last time the second look tells, for nothing.
    const most = again ? MOST : this.#expected
    while (this.#count < most && this.isOpen && this.#accept()) this.#count++
  }

  acceptWaiting(most: number): Promise<void> {
    for (let i = 0; i < most && this.isOpen; i++) if (!this.#accept()) break
    return Promise.resolve()
  }

  /** False where nobody waits, or nobody else can be accepted now. */
  #accept(): boolean {
    const fd = this.#acceptOne()
    if (fd < 0) return this.#failed(this.#libc.errno())
    const taker = this.#taker!
    if (taker.wantsSockets) {
      taker.acceptedSocket(new Socket({ fd, allowHalfOpen: true, readable: true, writable: true }))
      turn.endLater()
      return true
    }
    const local = this.#local ?? this.#localOf(fd)
    const stream = this.#spareStreams.pop() ?? new RawStream(this.#libc, this.#poller)
    this.#writeClient(stream.sockaddr)
    if (stream.open(fd, local)) taker.accepted(stream)
    else taker.refused()
    return true
  }

  #acceptOne(): number {
    this.#size.setUint32(0, NAME_SIZE, true)
    const flags = Sock.NonBlocking | Sock.CloseOnExec
    return this.#libc.accept4(this.fd, this.#nameAddress, this.#nameAddress + NAME_SIZE, flags)
  }

  give(stream: ClientStream): void {
    if (stream instanceof RawStream && this.#spareStreams.length < SPARE) {
      this.#spareStreams.push(stream)
    }
  }

  /** Whether it may go on: not once nobody waits. */
  #failed(errno: number): boolean {
    if (errno === EAGAIN) return false
    if (errno !== EMFILE && errno !== ENFILE && errno !== ENOMEM && errno !== ENOBUFS) {
      // Gone before it was accepted.
      return true
    }
    this.#taker!.refused()
    if (this.#spare < 0 || (errno !== EMFILE && errno !== ENFILE)) return this.#rest()
    this.#libc.close(this.#spare)
    const fd = this.#acceptOne()
    if (fd >= 0) this.#libc.close(fd)
    this.#spare = this.#libc.open('/dev/null', O_CLOEXEC, 0)
    return fd >= 0 || this.#rest()
  }

  /** The socket stays ready: without a pause the loop would spin. */
  #rest(): boolean {
    this.#poller.change(this.fd, 0)
    this.#pause ??= setTimeout(() => {
      this.#pause = null
      this.#poller.change(this.fd, Ready.In)
    }, PAUSE_MS).unref()
    return false
  }

  /** Writes the client's socket address, IPv4 as such. */
  #writeClient(out: Buffer): void {
    const name = this.#name
    const isLong = name[0] === AF_INET6
    const from = isLong && isMapped(name) ? MAPPED_AT : 4
    const end = from === 4 && isLong ? NAME_SIZE : 8
    for (let i = 0; i < 4; i++) out[i] = name[i]!
    for (let i = 4; i < NAME_SIZE; i++) out[i] = i < end ? name[from + i - 4]! : 0
    if (from === MAPPED_AT) out[0] = AF_INET
    // The flow is no part of who it is.
    else if (isLong) out.fill(0, 4, 8)
  }

  #localOf(fd: number): Local {
    const name = Buffer.alloc(NAME_SIZE)
    const size = Buffer.alloc(4)
    size.writeUInt32LE(NAME_SIZE)
    if (this.#libc.getsockname(fd, name, size) < 0) return { address: '', port: this.port }
    const address = isMapped(name)
      ? name.subarray(MAPPED_AT, MAPPED_AT + 4).join('.')
      : scopedAddress(name)
    return { address, port: sockaddrPort(name) }
  }

  close(): void {
    if (!this.isOpen) return
    if (this.#pause !== null) clearTimeout(this.#pause)
    this.#pause = null
    // A successor may have the same socket: closing it alone would leave it watched.
    this.#poller.forget(this.fd)
    this.#end()
  }

  #end(): void {
    for (const fd of [this.fd, this.#spare]) if (fd >= 0) this.#libc.close(fd)
    this.fd = -1
  }
}

function portOf(server: Server): number {
  const bound = server.address()
  return bound !== null && typeof bound === 'object' ? bound.port : 0
}

const mapped = Buffer.from('00000000000000000000ffff', 'hex')

/** Whether a socket address of IPv6 is one of IPv4. */
function isMapped(name: Buffer): boolean {
  return name[0] === AF_INET6 && mapped.compare(name, 8, MAPPED_AT) === 0
}
