import type { StreamLimits } from '../lib/stream-limits.ts'
import { MAX_DATAGRAM } from './udp.ts'

/**
 * Connections of one listener; for a further one the longest idle gives way. Of clients that starve, it may be one that is
 * about to ask: 1,300 a second may come and say nothing until `FIRST_MESSAGE_MS` have gone by. node-cache has no bound.
 */
export const MAX_CONNECTIONS = 4_000
/** The same where each takes Node's streams, and with them more memory: what is encrypted, or speaks HTTP. */
export const MAX_SOCKETS = 1_000
/** Of the files that the process may have open: a node has two addresses, and upstreams and datagrams need some too. */
const SHARE_OF_FILES = 1 / 4
export const FIRST_MESSAGE_MS = 3_000
export const IDLE_MS = 10_000
export const WRITE_MS = 5_000
/** As in CoreDNS. */
export const DEFAULT_LIMITS: StreamLimits = {
  readMs: FIRST_MESSAGE_MS,
  writeMs: WRITE_MS,
  idleMs: IDLE_MS,
  maxQueries: Infinity,
}
/** Once a successor has the listener: idle this long, a connection is ended; any one at the latest. */
export const RETIRED_IDLE_MS = 1_000
export const RETIRED_MS = 10_000
/** Queries of one connection waiting for an answer; beyond, it is not read from. */
export const MAX_IN_FLIGHT = 128
/** Octets of answers the client has not read; beyond, its connection is not read from. */
export const MAX_UNSENT: number = 2 ** 20
/** Answers to queries already taken may exceed that by as much again; then the connection ends. */
export const MAX_UNSENT_HARD: number = 2 * MAX_UNSENT
/** Octets of a query, as of a datagram; a connection that announces more is cut. */
export const MAX_QUERY: number = MAX_DATAGRAM
/** Messages of one connection served before others have their turn. */
export const TURN = 64

/**
 * Connections that one listener takes: so many that none of them leaves the rest of the process without descriptors.
 *
 * @param kind whether they are read by us, or come as Node's streams
 * @param files that the process may have open
 */
export function mostConnections(kind: 'own' | 'stream', files: number): number {
  const most = kind === 'own' ? MAX_CONNECTIONS : MAX_SOCKETS
  return Math.max(Math.min(most, Math.floor(files * SHARE_OF_FILES)), 1)
}

/** What the log says of connections that cannot be accepted. */
export const NO_ROOM: string =
  'The system has no room for a TCP connection: one is lost (further ones are counted in ' +
  'dnslet_tcp_refused_connections_total); see how many files are open, and may be'
