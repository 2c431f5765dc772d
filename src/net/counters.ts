import { Histogram, LabelledCounters } from '../lib/counters.ts'

/** Why a UDP reply was not sent; also the index of its counter. */
export const UdpDrop = {
  /** The kernel refused this packet: no route, a forged source port, too long for the path. */
  Unsendable: 0,
  /** The send buffer stayed full. */
  Backlog: 1,
  /** The socket had been closed when the answer came. */
  Closed: 2,
} as const
export type UdpDrop = (typeof UdpDrop)[keyof typeof UdpDrop]

/** The `reason` label of each. */
export const udpDropNames = ['unsendable', 'backlog', 'closed'] as const

/** How a TCP connection ended; also the index of its counter. */
export const TcpEnd = {
  /** The client closed it and had all its answers. */
  Client: 0,
  /** The stream broke: a reset, or a write that failed. */
  Error: 1,
  /** No whole message within the first seconds. */
  FirstMessageTimeout: 2,
  IdleTimeout: 3,
  /** The client did not read its answers. */
  WriteTimeout: 4,
  /** More answers waited than a connection may hold. */
  Overflow: 5,
  /** The listener closed. */
  Shutdown: 6,
  /** All places were taken, and this was the longest idle. */
  Full: 7,
  /** A query longer than MAX_QUERY was announced. */
  TooLong: 8,
  /** Queries that had not come whole, or waited, took up all memory meant for them. */
  Buffered: 9,
  /** No TLS handshake came about: it failed, took too long or made way. */
  Handshake: 10,
  /** It has asked as many queries as the directive `timeouts` lets it. */
  QueryLimit: 11,
} as const
export type TcpEnd = (typeof TcpEnd)[keyof typeof TcpEnd]

/** The `reason` label of each. */
export const tcpEndNames = [
  'client',
  'error',
  'first_message_timeout',
  'idle_timeout',
  'write_timeout',
  'overflow',
  'shutdown',
  'full',
  'too_long',
  'buffered',
  'tls_handshake',
  'query_limit',
] as const

const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64] as const

/** Responses of DNS over HTTPS; labels: server, status. They outlive reloads. */
export const httpsResponses: LabelledCounters<{ count: number }> = new LabelledCounters(() => ({
  count: 0,
}))

/** What all client-facing sockets of the process count together; it outlives reloads. */
export class NetCounters {
  readonly udpReceived: Histogram = new Histogram(BATCH_BUCKETS)
  readonly udpSent: Histogram = new Histogram(BATCH_BUCKETS)
  readonly udpDrops: Float64Array = new Float64Array(udpDropNames.length)
  /** By errno name. */
  readonly udpSendErrors: LabelledCounters<{ count: number }> = new LabelledCounters(() => ({
    count: 0,
  }))
  udpTruncated = 0
  /** Queries thrown away unread because they had waited too long. */
  udpLate = 0
  udpSockets = 0
  tcpListeners = 0
  tcpOpen = 0
  tcpAccepted = 0
  tcpRefused = 0
  readonly tcpEnds: Float64Array = new Float64Array(tcpEndNames.length)
}
