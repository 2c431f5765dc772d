/**
 * How a probe asks.
 * - `udp-fresh`: a connected socket for each query, as glibc does: no flow is older than its query
 * - `udp-shared`: one unconnected socket for all, in batches; for the highest rates
 * - `udp-connected`: long-lived connected sockets, in turn
 * - `tcp-fresh`: a connection for each query
 * - `tcp-long`: long-lived connections with pipelined queries, opened again where they end
 */
export type ProbeKind = 'udp-fresh' | 'udp-shared' | 'udp-connected' | 'tcp-fresh' | 'tcp-long'

export interface ProbeOptions {
  readonly kind: ProbeKind
  /** Queries a second. */
  readonly rate: number
  readonly server: string
  readonly name: string
  /** The probe stops by itself after this time. */
  readonly seconds: number
  /** Sockets of `udp-connected` and `tcp-long`. */
  readonly connections: number
}
