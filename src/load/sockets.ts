import type { Endpoint } from '../lib/address.ts'

/** Who owns a socket. */
export interface SocketOwner {
  /** A datagram: `bytes[0..length)`, borrowed. @param from its sender's socket address where the socket is not connected */
  message(bytes: Buffer, length: number, from: Buffer | null): void
  /** The socket reports an error: the kernel's name of it. */
  failed(code: string): void
}

/** A UDP socket with a port of its own; what happens to it is told in later turns, never while it is called. */
export interface UdpPort {
  /** Sends datagrams, in one call where that can be. @param to needed where the socket is not connected */
  send(messages: readonly Buffer[], to: Endpoint | null): void
  /** Nothing is told any more. */
  close(): void
}

/** Where sockets come from. */
export interface Sockets {
  /**
   * A socket that hears of this server alone, and of its port being closed.
   *
   * @param from an address of this host to ask from; the kernel chooses where absent
   */
  connect(server: Endpoint, owner: SocketOwner, from?: string): UdpPort
  /** A socket for several servers. */
  open(ipv6: boolean, owner: SocketOwner): UdpPort
}
