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
