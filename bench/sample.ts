import type { Latency } from './stats.ts'

/** What one server did in one scenario of one round. */
export interface Sample {
  readonly round: number
  readonly scenario: string
  readonly server: string
  readonly queriesPerSecond: number
  /** CPU time per answered query in microseconds. */
  readonly cpu: number
  readonly userCpu: number
  readonly systemCpu: number
  /** CPU time of the upstream per answered query in microseconds: near 0 when the cache answered all. */
  readonly upstreamCpu: number
  /** Part of its core that the server used, 0 to 1: below 1 the load generator was the limit. */
  readonly busy: number
  /** Part of the core that the idle servers used meanwhile, 0 to 1. */
  readonly disturbance: number
  readonly completed: number
  /** Queries without an answer, in the throughput and in the latency run. */
  readonly lost: number
  /** Answers with a response code the zone does not give, in both runs. */
  readonly wrong: number
  /** Null where the scenario has no latency run. */
  readonly latency: Latency | null
  /** Resident memory in KiB after both runs. */
  readonly rss: number
  readonly rssAnon: number
}

/** Latencies of the queries of all rounds together. */
export interface PooledLatency {
  readonly scenario: string
  readonly server: string
  readonly latency: Latency
}

/** How long a server took to its first answer. */
export interface Start {
  readonly round: number
  readonly server: string
  readonly milliseconds: number
}

/** What a server used that had served and was not asked any more. */
export interface Idle {
  readonly round: number
  readonly server: string
  /** CPU time in milliseconds a second. */
  readonly cpu: number
  /** How often its threads woke up, a second. */
  readonly wakeUps: number
}

/** Everything a comparison measured. */
export interface Results {
  /** Names in the order of the tables. */
  readonly servers: readonly string[]
  readonly versions: Readonly<Record<string, string>>
  readonly rounds: number
  readonly seconds: number
  readonly samples: readonly Sample[]
  readonly pooled: readonly PooledLatency[]
  readonly idles: readonly Idle[]
  readonly starts: readonly Start[]
}
