import type {
  CachedAnswer,
  CacheFill,
  ConsideredUpstream,
  UpstreamState,
} from '../serve/inspection.ts'

/**
 * What the admin interface answers, as JSON. Paths stand under `/v1`; `openapi.json` beside them describes
 * the same. Times are ISO 8601 in UTC, names end with a dot, counts are of the process since its start.
 */

/** `GET /v1/status`. */
export interface Status {
  readonly version: string
  readonly pid: number
  /** '' where it is not known. */
  readonly node: string
  readonly startedAt: string
  readonly now: string
  readonly corefile: {
    /** Null for standard input. */
    readonly path: string | null
    readonly hash: string
    readonly loadedAt: string
    /** The configured one cannot be served: this is the last good one. */
    readonly isLastGood: boolean
    /** Why the configured one is not served, and since when that is known; null while it is. */
    readonly refused: { readonly at: string; readonly reason: string } | null
    /** The same of the kube-dns ConfigMap: an earlier one is in force, or none. Null where it is used, or not there. */
    readonly refusedKubeDns: {
      readonly at: string
      readonly reason: string
      readonly isEarlierServed: boolean
    } | null
  }
  readonly listeners: readonly { readonly address: string; readonly scheme: string }[]
  readonly interception: InterceptionStatus
  /** Reasons why `/ready` says no. */
  readonly notReady: readonly string[]
  readonly blocks: readonly BlockStatus[]
  readonly memory: {
    readonly rssBytes: number
    /** What the control group allows; null where nothing limits it. */
    readonly limitBytes: number | null
    readonly heapUsedBytes: number
    readonly cacheBytes: number
    readonly cacheLimitBytes: number
  }
  readonly totals: Totals
  /** Warnings and errors of the log, the last one of each kind, the newest first; 100 at most. */
  readonly errors: readonly LoggedLine[]
}

export interface InterceptionStatus {
  /** `none` where the flags leave the node's network alone. */
  readonly state: 'none' | 'waiting' | 'active' | 'suspended' | 'withdrawn' | 'left'
  /** Labels of `dnslet_interception_info`: `tun`, `dummy`, `lo` or `none`; `nft`, `iptables` or `none`. */
  readonly interface: string
  readonly rules: string
  readonly addresses: readonly string[]
  /** Why queries are not led here; null while they are. */
  readonly reason: string | null
}

export interface BlockStatus {
  /** As the Corefile has them: `cluster.local:53`. */
  readonly keys: readonly string[]
  readonly view: string
  /** In chain order, with the lines of `dnslet check`. */
  readonly plugins: readonly { readonly name: string; readonly lines: readonly string[] }[]
  readonly cache: CacheFill | null
  readonly upstreams: readonly UpstreamState[]
}

export interface Totals {
  readonly queries: number
  readonly hits: number
  readonly misses: number
  readonly staleServed: number
  /** By rcode: `NOERROR`, `SERVFAIL`. */
  readonly rcodes: Readonly<Record<string, number>>
  /** By who asked; see `dnslet_queries_by_source_total`. */
  readonly sources: Readonly<Record<string, number>>
  readonly secondsSinceLastClientQuery: number | null
}

export interface LoggedLine {
  readonly at: string
  /** When the first of its kind came, and how many have. */
  readonly first: string
  readonly count: number
  readonly level: 'warning' | 'error' | 'fatal'
  readonly text: string
}

/**
 * `GET /v1/traffic`: the last ten minutes, in steps of five seconds, the oldest first. `queries` are those of clients
 * over all listeners, `hits` those of all caches, which questions of the daemon's own cause too; rcodes and
 * latency are known of blocks with `prometheus`.
 */
export interface Traffic {
  readonly stepSeconds: number
  /** Upper bounds of the latency buckets in seconds; the last bucket, +Inf, has none. */
  readonly bounds: readonly number[]
  readonly steps: readonly TrafficStep[]
  /** All since the process began, up to now: who asks twice knows what came between. */
  readonly total: TrafficStep
}

export interface TrafficStep {
  /** When the step began; of `total`, now. */
  readonly at: string
  readonly queries: number
  readonly hits: number
  readonly rcodes: Readonly<Record<string, number>>
  /** Queries by latency bucket, one more than there are bounds. */
  readonly latency: readonly number[]
}

/** `GET /v1/top?limit=`: most frequent since somebody began to look. Asking begins it, and keeps it going for a minute. */
export interface Top {
  readonly since: string
  /** Queries that were looked at. */
  readonly queries: number
  readonly names: readonly TopEntry[]
  readonly nxdomainNames: readonly TopEntry[]
  readonly clients: readonly TopClient[]
}

/** `count` is at most `error` too high (space-saving sketch). */
export interface TopEntry {
  readonly name: string
  readonly count: number
  readonly error: number
}

export interface TopClient {
  readonly address: string
  /** `namespace/pod` where that is known, else ''. */
  readonly pod: string
  readonly count: number
  readonly error: number
}

/**
 * `GET /v1/queries?client=&suffix=&rcode=&slower=&limit=`: the last ones, the newest first; `slower` is in
 * milliseconds. 4,096 are kept, under the terms of `/v1/top`.
 */
export interface SeenQuery {
  readonly at: string
  readonly client: string
  readonly pod: string
  readonly protocol: 'udp' | 'tcp'
  /** '' where the question could not be read. */
  readonly name: string
  readonly type: string
  /** `DROPPED` where there was no reply. */
  readonly rcode: string
  readonly milliseconds: number
  /** The plugin that answered: `cache`, `forward`. */
  readonly plugin: string
  /** The answer had expired: its upstream was late or failed, or is asked behind it (`serve_stale`). */
  readonly isStale: boolean
  /** The upstream that was asked for it, of a stale answer in vain; '' for none. */
  readonly upstream: string
}

/** `GET /v1/cache?name=&type=`. */
export interface CacheLookup {
  readonly answers: readonly (CachedAnswer & { readonly block: readonly string[] })[]
}

/** `GET /v1/explain?name=&type=[&ask=true]`. */
export interface Explanation {
  readonly name: string
  readonly type: string
  /** One for each listener whose blocks differ for the name. */
  readonly paths: readonly ExplainedPath[]
  /** Null unless `ask` was given. */
  readonly asked: AskedTrace | null
}

export interface ExplainedPath {
  readonly listeners: readonly string[]
  /** Null where no block serves the name: REFUSED. */
  readonly block: { readonly keys: readonly string[]; readonly zone: string } | null
  readonly plugins: readonly {
    readonly name: string
    /** What it does with this very question, as far as that is known beforehand. */
    readonly says: readonly string[]
    /** False where a plugin before it ends the matter. */
    readonly reached: boolean
  }[]
  readonly cached: readonly CachedAnswer[]
  readonly upstreams: readonly ConsideredUpstream[]
}

export interface AskedTrace {
  readonly rcode: string
  readonly plugin: string
  /** See `SeenQuery`. */
  readonly isStale: boolean
  readonly milliseconds: number
  readonly records: readonly string[]
  /** In the order of time, milliseconds since the question was put. */
  readonly steps: readonly { readonly atMs: number; readonly what: string }[]
}

/** `POST /v1/cache/purge`, over the socket alone: what is named has to match, all of it. */
export interface PurgeRequest {
  readonly name?: string
  /** The name itself and all below it. */
  readonly suffix?: string
  readonly type?: string
}

export interface Purged {
  /** Answers that were forgotten, expired ones included. */
  readonly purged: number
}

/** `GET /v1/log-level`; `PUT`, over the socket alone, with `level` in the body. */
export interface LogLevelState {
  readonly level: 'debug' | 'info' | 'warning' | 'error'
  /** Whether the Corefile has `debug`: then `info` prints lines of level debug too. */
  readonly debugInCorefile: boolean
}

/** Any refusal: the HTTP status says of which kind. */
export interface ApiError {
  readonly error: string
}
