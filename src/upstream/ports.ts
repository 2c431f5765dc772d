import type { Socket } from 'node:dgram'
import { constants } from 'node:os'

import type { Endpoint } from '../lib/address.ts'
import { type Libc, libc } from '../sys/libc.ts'
import { MSG_DONTWAIT } from '../sys/mmsg.ts'
import { sockaddrSize, writeSockaddr } from '../sys/sockaddr.ts'
import { renewPort, SyscallError } from '../sys/socket.ts'

const { EAGAIN } = constants.errno

/**
 * Other ports for UDP sockets, and a short way out of them, where the C library can be called. connect(2) to
 * AF_UNSPEC and back takes 4 µs, a new socket 60, and sending at once saves more than that. A port for each
 * query, as in unbound, would cost three times as much as one for four, and be no harder to guess.
 */
export class Ports {
  readonly #libc: Libc | null
  /** Socket addresses of upstreams; null where one cannot be written. */
  readonly #peers = new WeakMap<Endpoint, Uint8Array | null>()

  constructor(system: Libc | null = libc().libc) {
    this.#libc = system
  }

  get canRenew(): boolean {
    return this.#libc !== null
  }

  /** Gives the socket `fd`, connected to `peer`, another port; false where it is of no use any more. */
  renew(fd: number, peer: Endpoint): boolean {
    const system = this.#libc
    if (system === null) return false
    const name = this.#peers.get(peer) ?? nameOf(system, peer)
    this.#peers.set(peer, name)
    return name !== null && renewPort(system, fd, name)
  }

  /**
   * Sends `bytes[0..length)` from the connected socket `fd`, at once. Null where that went well, false
   * where it must go another way; else why not, which the kernel tells only once.
   */
  send(fd: number, bytes: Uint8Array, length: number): SyscallError | false | null {
    const system = this.#libc
    if (system === null || fd < 0) return false
    if (system.send(fd, bytes, length, MSG_DONTWAIT) >= 0) return null
    const errno = system.errno()
    return errno !== EAGAIN && new SyscallError('send', errno)
  }
}

function nameOf(system: Libc, { host, port }: Endpoint): Uint8Array | null {
  const ipv6 = host.includes(':')
  const name = Buffer.alloc(sockaddrSize(ipv6))
  return writeSockaddr(system, name, ipv6, host, port) ? name : null
}

/** The descriptor of an open socket, whose handle is behind a symbol; −1 where Node keeps it to itself. */
export function descriptorOfDatagrams(owner: Socket): number {
  const key = Object.getOwnPropertySymbols(owner).find(({ description }) => description === STATE)
  if (key === undefined) return -1
  const state = (owner as unknown as Record<symbol, unknown>)[key] as {
    readonly handle?: { readonly fd?: number } | null
  }
  return state.handle?.fd ?? -1
}

const STATE = 'state symbol'
