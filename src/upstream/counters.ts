import { Histogram, LabelledCounters, TIME_BUCKETS } from '../lib/counters.ts'

/** Transport to an upstream; also the index of its counters. */
export const Transport = {
  Udp: 0,
  Tcp: 1,
  /** DNS over TLS (RFC 7858). */
  Tls: 2,
  /** DNS over HTTPS (RFC 8484). */
  Https: 3,
} as const
export type Transport = (typeof Transport)[keyof typeof Transport]

/** The `proto` label of each transport. */
export const transportNames = ['udp', 'tcp', 'tcp-tls', 'https'] as const

/** How an attempt ended; also the index of its counter. */
export const Result = {
  Reply: 0,
  /** No answer in time. An answer that came late after all counts as a reply. */
  Timeout: 1,
  /** The port is closed: ICMP or RST. */
  Refused: 2,
  /** The connection ended before the answer, on a fresh connection too. */
  Closed: 3,
  /** No route, no address, no descriptor, or too many queries waiting. */
  Unreachable: 4,
  /** An answer that cannot be used: broken, or an error without a question. */
  Invalid: 5,
  /** Another attempt of the same query was faster. */
  Superseded: 6,
  /** The other end is not who it should be, or speaks no TLS or HTTP that we can use. */
  Untrusted: 7,
} as const
export type Result = (typeof Result)[keyof typeof Result]

/** The `result` label of each. */
export const resultNames = [
  'reply',
  'timeout',
  'refused',
  'closed',
  'unreachable',
  'invalid',
  'superseded',
  'untrusted',
] as const

/** What is counted for one upstream address. Indexed by Transport, Result or rcode. */
export class UpstreamCounters {
  /** Queries that found a socket open. */
  readonly reused: Float64Array = new Float64Array(transportNames.length)
  readonly dialled: Float64Array = new Float64Array(transportNames.length)
  /** Sockets open now, those being connected included. */
  readonly open: Float64Array = new Float64Array(transportNames.length)
  readonly results: Float64Array = new Float64Array(resultNames.length)
  /** Queries waiting for an answer now. */
  inflight = 0
  /** Attempts beyond the first of a query. */
  retries = 0
  /** Messages that answer nothing we asked: wrong id, wrong question, no reply at all. */
  mismatches = 0
  /** How often a client's late names began to hold so many connections that others went before it. */
  crowds = 0
  /** Connections that others have taken the place of, so that servers behind an address share the queries. */
  retired = 0
  healthFailures = 0
  /** By rcode, 0 to 15; made at the first answer with that rcode. */
  readonly durations: (Histogram | undefined)[] = new Array<Histogram | undefined>(16).fill(
    undefined,
  )

  /** Counts an answer that took `seconds`, the dial included. */
  answered(rcode: number, seconds: number): void {
    const histogram = (this.durations[rcode] ??= new Histogram(TIME_BUCKETS))
    histogram.observe(seconds)
  }
}

/** All upstreams of the process by `ip:port`; they outlive reloads, as CoreDNS's metrics do. */
export const upstreamCounters: LabelledCounters<UpstreamCounters> = new LabelledCounters(
  () => new UpstreamCounters(),
)
