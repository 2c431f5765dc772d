/** Version of the JSON below: raised where a field changes its meaning or goes. */
export const RESULT_VERSION = 1

/** What `dnslet bench` found: all of it is in its JSON, and its reports are drawn from that alone. */
export interface BenchResult {
  readonly version: typeof RESULT_VERSION
  /** RFC 3339, UTC. */
  readonly startedAt: string
  /** From the first request to the last answer, all runs together. */
  readonly seconds: number
  /** Whether it was ended before its time: the figures are those so far. */
  readonly interrupted: boolean
  readonly options: BenchSettings
  /** What the reader has to know of how it was measured, one sentence each; [] for nothing. */
  readonly notes: readonly string[]
  /** One for each server and client, in the order they were named. */
  readonly runs: readonly Run[]
}

/** What was asked for. */
export interface BenchSettings {
  /** The hosts looked up: the first hundred. */
  readonly hosts: readonly string[]
  readonly hostCount: number
  /** Look-ups under way at a time, in each run. */
  readonly concurrency: number
  /** Seconds of each run. */
  readonly seconds: number
  readonly limitMs: number
  /** Requests a second that were intended, or null: as fast as the answers come. */
  readonly rate: number | null
  /** Types each host is asked for: `A` and `AAAA`, unless told otherwise. */
  readonly types: readonly string[]
  /** Versions of dnslet and Node.js, and the machine. */
  readonly dnslet: string
  readonly node: string
  readonly cpus: number
}

/** One way to look up names at one server, measured. */
export interface Run {
  /** `10.96.0.10:53`; several, comma-separated, where they are those of resolv.conf. */
  readonly server: string
  /** The manner: `glibc`, `musl`, … */
  readonly client: string
  /** What tells this run from the others, for tables and legends. */
  readonly label: string
  /** Seconds this run was measured: the sum of its turns. */
  readonly seconds: number
  /** Look-ups that ended: of a host, as an application sees it, with all retries and search steps. */
  readonly requests: number
  readonly perSecond: number
  /** Requests that failed, by kind; no entry for kinds that did not occur. */
  readonly errors: Readonly<Partial<Record<ErrorKind, number>>>
  /** Sum of `errors`. */
  readonly errorCount: number
  /** Requests that took `limitMs` or longer, failed or not. */
  readonly overLimit: number
  readonly limitMs: number
  /** Of all requests, failed ones too; null where there were none. */
  readonly latency: Latency | null
  /** Every request once, in bins of growing width, from the fastest to the slowest; empty bins between too. */
  readonly histogram: readonly Bin[]
  /** What happened when. Moments without a request of this run have no point. */
  readonly timeline: readonly Moment[]
  /** Seconds of a point: 1, or more where the run is long. */
  readonly stepSeconds: number
  /** Answers requests ended with, by name: NOERROR, NODATA (the name exists, no address), NXDOMAIN, SERVFAIL, … */
  readonly rcodes: Readonly<Record<string, number>>
  /** What went over the wire; null where the C library keeps it to itself (`system`). */
  readonly packets: Packets | null
  /** How late timers of the tester fired, 99 of 100 and at worst, ms: beyond a few it measures itself. */
  readonly lag: { readonly p99: number; readonly max: number }
}

/**
 * timeout: no answer in all attempts · refused: nobody listens there · network: the system did not let us send
 * (`EHOSTUNREACH`, …) · malformed: no DNS message · rcode: SERVFAIL, REFUSED and others (see `rcodes`) ·
 * again: what getaddrinfo says (EAI_AGAIN) of a timeout and of SERVFAIL alike
 */
export type ErrorKind = 'timeout' | 'refused' | 'network' | 'malformed' | 'rcode' | 'again'

/** Milliseconds. */
export interface Latency {
  readonly min: number
  readonly max: number
  readonly avg: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
}

/** Requests that took at most `upperMs`, and more than the bin before has. */
export interface Bin {
  readonly upperMs: number
  readonly count: number
}

/** Requests that ended within a step of the timeline. */
export interface Moment {
  /** Seconds from the start of the whole to that of the step. */
  readonly second: number
  readonly requests: number
  readonly errors: number
  readonly overLimit: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Datagrams, or messages over TCP. */
export interface Packets {
  readonly sent: number
  readonly received: number
  /** Of those sent: to ask again what had no answer in time. */
  readonly retries: number
  /** Of those received: wrong id, question or sender, or too late. Never taken for an answer. */
  readonly rejected: number
  /** TCP connections opened. */
  readonly connections: number
}
