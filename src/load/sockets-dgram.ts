import { createSocket, type Socket } from 'node:dgram'
import type { Endpoint } from '../lib/address.ts'
import { clientSockaddr } from '../sys/sockaddr.ts'
import type { SocketOwner, Sockets, UdpPort } from './sockets.ts'

/** Sockets of Node.js, where the C library cannot be called: ten times the work for each. */
export const dgramSockets: Sockets = {
  connect: (server, owner, from) =>
    new DgramPort(server.host.includes(':'), server, owner, from ?? null),
  open: (ipv6, owner) => new DgramPort(ipv6, null, owner, null),
}

class DgramPort implements UdpPort {
  readonly #socket: Socket
  readonly #ipv6: boolean
  readonly #owner: SocketOwner
  /** What is to be sent once connected. */
  #waiting: Buffer[] | null
  #closed = false

  constructor(ipv6: boolean, server: Endpoint | null, owner: SocketOwner, from: string | null) {
    this.#ipv6 = ipv6
    this.#owner = owner
    this.#waiting = server === null ? null : []
    this.#socket = createSocket(ipv6 ? 'udp6' : 'udp4')
    this.#socket.on('message', (bytes, { address, port }) => {
      const sender = server === null ? clientSockaddr(address, port) : null
      if (!this.#closed) owner.message(bytes, bytes.length, sender)
    })
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(error))
    if (from !== null) this.#socket.bind(0, from)
    if (server !== null) {
      this.#socket.connect(server.port, server.host, () => {
        const waiting = this.#waiting ?? []
        this.#waiting = null
        if (this.#closed) this.#socket.close()
        else this.send(waiting, null)
      })
    }
  }

  send(messages: readonly Buffer[], to: Endpoint | null): void {
    if (this.#waiting !== null) {
      this.#waiting.push(...messages)
      return
    }
    const sent = (error: Error | null): void => {
      if (error !== null) this.#fail(error)
    }
    for (const message of messages) {
      if (to === null) this.#socket.send(message, sent)
      else this.#socket.send(message, to.port, mapped(to.host, this.#ipv6), sent)
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    // A socket that is still connecting needs its listeners to close.
    if (this.#waiting === null) this.#socket.close()
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (!this.#closed) this.#owner.failed(error.code ?? 'EIO')
  }
}

/** An IPv4 address as an IPv6 socket has it. */
export function mapped(host: string, ipv6: boolean): string {
  return ipv6 && !host.includes(':') ? `::ffff:${host}` : host
}
