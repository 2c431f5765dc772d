import type { Endpoint } from '../lib/address.ts'
import type { PollHandle } from '../sys/event-loop.ts'
import type { Libc } from '../sys/libc.ts'
import { MessageVector, MSG_DONTWAIT } from '../sys/mmsg.ts'
import { AF_INET, AF_INET6, clientSockaddr, sockaddrSize } from '../sys/sockaddr.ts'
import { errnoName, Sock, takeError } from '../sys/socket.ts'
import { mapped } from './sockets-dgram.ts'
import type { SocketOwner, Sockets, UdpPort } from './sockets.ts'

/** Datagrams of one call, either way. */
const COUNT = 8
/** An answer: EDNS is asked for 1,232 octets at most. 65 × 64 apart, see mmsg.ts. */
const SIZE = 4096
const STRIDE: number = SIZE + 64

/** Sockets through the C library: opened, asked and closed without leaving the turn of the event loop. */
export function libcSockets(libc: Libc): Sockets {
  // All sockets share these: what they hold is gone when a call returns.
  const incoming = new MessageVector(libc, { count: COUNT, stride: STRIDE, size: SIZE })
  const outgoing = new MessageVector(libc, { count: COUNT, stride: 576, size: 512 })
  const parts = { libc, incoming, outgoing }
  return {
    connect: (server, owner, from) =>
      new LibcPort(parts, server.host.includes(':'), server, owner, from ?? null),
    open: (ipv6, owner) => new LibcPort(parts, ipv6, null, owner, null),
  }
}

interface Parts {
  readonly libc: Libc
  readonly incoming: MessageVector
  readonly outgoing: MessageVector
}

class LibcPort implements UdpPort {
  readonly #parts: Parts
  readonly #owner: SocketOwner
  readonly #fd: number
  readonly #connected: boolean
  readonly #ipv6: boolean
  #poll: PollHandle | null = null
  #closed = false

  constructor(
    parts: Parts,
    ipv6: boolean,
    server: Endpoint | null,
    owner: SocketOwner,
    from: string | null,
  ) {
    const { libc } = parts
    this.#parts = parts
    this.#owner = owner
    this.#connected = server !== null
    this.#ipv6 = ipv6
    const type = Sock.Datagram | Sock.NonBlocking | Sock.CloseOnExec
    this.#fd = libc.socket(ipv6 ? AF_INET6 : AF_INET, type, 0)
    if (this.#fd < 0 || !this.#bind(from) || !this.#connect(server)) this.#failLater(libc.errno())
    else this.#poll = libc.poll(this.#fd, this.#ready)
  }

  #bind(from: string | null): boolean {
    if (from === null) return true
    const name = clientSockaddr(from, 0)
    return this.#parts.libc.bind(this.#fd, name, sockaddrSize(this.#ipv6)) === 0
  }

  #connect(server: Endpoint | null): boolean {
    if (server === null) return true
    const name = clientSockaddr(server.host, server.port)
    return this.#parts.libc.connect(this.#fd, name, sockaddrSize(this.#ipv6)) === 0
  }

  send(messages: readonly Buffer[], to: Endpoint | null): void {
    if (this.#closed || this.#poll === null) return
    const { libc, outgoing } = this.#parts
    outgoing.setNameLength(to === null ? 0 : sockaddrSize(this.#ipv6))
    const name = to === null ? null : clientSockaddr(mapped(to.host, this.#ipv6), to.port)
    let count = 0
    for (const message of messages) {
      outgoing.buffers[count]!.set(message)
      outgoing.point(count, count, message.length)
      if (name !== null) outgoing.setName(count, name)
      count++
    }
    let sent = 0
    while (sent < count) {
      const more = libc.sendmmsg(this.#fd, outgoing.addressOf(sent), count - sent, MSG_DONTWAIT)
      if (more <= 0) return this.#failLater(libc.errno())
      sent += more
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#poll?.close()
    if (this.#fd >= 0) this.#parts.libc.close(this.#fd)
  }

  readonly #ready = (status: number): void => {
    try {
      if (this.#closed) return
      const { libc } = this.#parts
      if (status < 0) {
        // libuv stops at an error; taken from the socket, it is forgotten.
        const errno = takeError(libc, this.#fd)
        this.#poll?.start(this.#ready)
        if (errno !== 0) return this.#owner.failed(errnoName(errno))
      }
      this.#read()
    } catch (cause) {
      // An exception in a native callback would be lost.
      setImmediate(() => {
        throw cause
      })
    }
  }

  #read(): void {
    const { libc, incoming } = this.#parts
    incoming.setNameLength(sockaddrSize(true))
    const count = libc.recvmmsg(this.#fd, incoming.address, COUNT, MSG_DONTWAIT, 0)
    if (count < 0) {
      const code = errnoName(libc.errno())
      if (code !== 'EAGAIN') this.#owner.failed(code)
    }
    for (let i = 0; i < count && !this.#closed; i++) {
      const length = Math.min(incoming.lengthOf(i), SIZE)
      this.#owner.message(incoming.buffers[i]!, length, this.#connected ? null : incoming.names[i]!)
    }
  }

  #failLater(errno: number): void {
    const code = errnoName(errno)
    setImmediate(() => {
      if (!this.#closed) this.#owner.failed(code)
    })
  }
}
