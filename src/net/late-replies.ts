import type { Libc } from '../sys/libc.ts'
import { sockaddrSize, writeSockaddr } from '../sys/sockaddr.ts'
import { type NetCounters, UdpDrop } from './counters.ts'
import { SendQueue } from './send-queue.ts'

/**
 * Sends answers over a socket that node:dgram no longer has: a closed one cannot send, and an open
 * one would go on reading what belongs to the successor.
 */
export class LateReplies {
  readonly #libc: Libc
  readonly #ipv6: boolean
  readonly #counters: NetCounters
  readonly #queue: SendQueue
  readonly #name: Buffer

  constructor(libc: Libc, fd: number, ipv6: boolean, counters: NetCounters) {
    this.#libc = libc
    this.#ipv6 = ipv6
    this.#counters = counters
    this.#queue = new SendQueue(libc, fd, ipv6, counters)
    this.#name = Buffer.alloc(sockaddrSize(ipv6))
  }

  /** Sends `reply[0..length)` to an address as node:dgram gave it. */
  send(reply: Buffer, length: number, address: string, port: number): void {
    if (!writeSockaddr(this.#libc, this.#name, this.#ipv6, address, port)) {
      this.#counters.udpDrops[UdpDrop.Unsendable]!++
      return
    }
    reply.copy(this.#queue.reserve(), 0, 0, length)
    this.#queue.add(this.#name, length)
    this.#queue.flush()
  }

  close(): void {
    this.#queue.close()
  }
}
