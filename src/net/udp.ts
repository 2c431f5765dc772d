import type { Clock } from '../lib/clock.ts'
import type { Query } from '../serve/query.ts'
import type { Descriptors } from '../sys/descriptors.ts'
import type { ReceiveQueue } from '../sys/socket.ts'
import type { NetCounters } from './counters.ts'

/** Who takes the queries of a socket. `dispatch` is read anew for each one: a reload swaps it. */
export interface Dispatcher {
  readonly dispatch: (q: Query) => void
}

export interface UdpOptions {
  /** An IP address, IPv6 with its scope where it is link-local. Never a wildcard. */
  readonly address: string
  readonly port: number
  readonly descriptors: Descriptors
  readonly dispatcher: Dispatcher
  readonly clock: Clock
  readonly counters: NetCounters
}

/** A bound UDP socket that hands its queries to a dispatcher and sends what they are answered. */
export interface UdpSocket {
  readonly address: string
  readonly port: number
  /** Datagrams read so far. */
  readonly received: number
  /** What the kernel holds for the socket, or null where it cannot be asked. */
  receiveQueue(): ReceiveQueue | null
  /** The socket, for a successor to have a copy of; −1 where only node:dgram knows it. */
  readonly fd: number
  /** Reads from now on, where it left that to a predecessor. A socket of node:dgram never does. */
  begin(): void
  /** Reads no more: what arrives is the successor's. Answers still go out, until `close()`. */
  stopReading(): void
  /**
   * Serves on until all its queries have their answers, `graceMs` milliseconds at most, then closes.
   * An answer after that is dropped and counted.
   */
  drain(graceMs: number): Promise<void>
}

/** One way to read and write datagrams. */
export interface UdpBackend {
  readonly name: 'batched' | 'dgram'
  /** Why this one was chosen, for the log. */
  readonly reason: string
  /** Rejects with an error that carries the kernel's code, e.g. EADDRINUSE. */
  open(options: UdpOptions): Promise<UdpSocket>
}

/**
 * Octets read of a datagram: eight times what any known client sends. Of a longer one the rest is
 * cut off and counted; what is left is judged like any other message.
 */
export const MAX_DATAGRAM = 4096

/** Largest payload of a UDP datagram over IPv4: 65,535 less both headers. */
export const MAX_UDP_REPLY = 65_507

/** Bytes of datagrams the kernel may hold: what arrives while a garbage collection runs. */
export const RECEIVE_BUFFER: number = 4 * 2 ** 20
