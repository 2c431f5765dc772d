/** What a socket serves: DNS over UDP, DNS over TCP, or HTTP (metrics, health, readiness). */
export type SocketKind = 'udp' | 'tcp' | 'http'

/** An open socket, as a process tells its successor of it. */
export interface HeldSocket {
  readonly kind: SocketKind
  /** The address as configured; '' is every local one. */
  readonly host: string
  /** The actual port. */
  readonly port: number
  /** Owned by who tells of it. */
  readonly fd: number
}

/** Sockets of a predecessor that are not in use yet. */
export interface Inheritance {
  /** The descriptor bound to this address, now the caller's to close; null where there is none. */
  take(kind: SocketKind, host: string, port: number): number | null
}
