import type { Endpoint } from '../../src/lib/address.ts'
import type { Latency } from '../../src/load/result.ts'

/** What a client process is told, as JSON in its first argument. */
export interface ClientOptions {
  readonly server: Endpoint
  /** Its own addresses, which take turns as the pods of a node do. */
  readonly from: readonly string[]
  /** Queries a second. */
  readonly rate: number
  readonly seconds: number
  /** Between two lines of the report. */
  readonly intervalSeconds: number
  readonly seed: number
  /** Where the server's metrics are; null: it has none. */
  readonly metrics: string | null
}

/** A query that was not answered as it should have been. */
export interface Failure {
  /** Milliseconds since the epoch: when it was sent. */
  readonly at: number
  readonly name: string
  readonly type: string
  /** `timeout`, an error of the socket, the rcode, or what was answered in place of what. */
  readonly what: string
}

export interface Tally {
  readonly sent: number
  readonly answered: number
  readonly failed: number
  /** Of all queries, failed ones too; null where there were none. */
  readonly latency: Latency | null
}

/** The figures of a server's metrics that a soak looks at; null where it has none of that name. */
export interface ServerMetrics {
  /** Octets. */
  readonly heap: number | null
  readonly panics: number | null
  /** Answers in its caches. */
  readonly entries: number | null
  /** Queries that wait for an upstream. */
  readonly waiting: number | null
}

/** Figures of an interval. */
export interface Interval extends Tally {
  /** When it ended: milliseconds since the epoch. */
  readonly at: number
  readonly metrics: ServerMetrics | null
}

/** What a client process writes at its end. */
export interface ClientReport {
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly total: Tally
  readonly intervals: readonly Interval[]
  /** The first of them. */
  readonly failures: readonly Failure[]
  /** Of all failures: how many of each kind. */
  readonly kinds: Readonly<Record<string, number>>
  /** How late the client's own timers were, ms: it may have read answers as late. */
  readonly lag: { readonly p99: number; readonly max: number }
  /** The server's, once all was answered. */
  readonly metrics: ServerMetrics | null
}
