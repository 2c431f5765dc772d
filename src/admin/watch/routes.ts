import { TIME_BUCKETS } from '../../lib/counters.ts'
import { clientQueries } from '../../serve/client-queries.ts'
import { registeredMetrics } from '../../telemetry/metrics.ts'
import { type AdminRoute, type Parameter, Pieces, type Schema } from '../routes.ts'
import { amount, count, counts, flag, list, object, oneOf, text, time } from '../schema.ts'
import { Pods } from './pods.ts'
import { DROPPED_TEXT, KEPT_QUERIES, LAST, readLimit, readQueryFilter } from './query-filter.ts'
import { TrafficHistory } from './traffic.ts'
import { COUNTERS, Watch } from './watch.ts'

/** Entries of each list of `/v1/top` where nobody says how many. */
const TOP = 20

export interface WatchParts {
  readonly watch: Watch
  readonly pods: Pods
  readonly traffic: TrafficHistory
}

/** What looks at the traffic of this process. */
export function openWatch(env: Readonly<Record<string, string | undefined>>): WatchParts {
  return {
    watch: new Watch(),
    pods: new Pods(env),
    traffic: new TrafficHistory(TIME_BUCKETS, {
      metrics: registeredMetrics,
      queries: () => clientQueries.total,
      now: () => Date.now(),
    }),
  }
}

/** `/v1/top`, `/v1/queries` and `/v1/traffic`. */
export function watchRoutes(parts: WatchParts): readonly AdminRoute[] {
  return [topRoute(parts), queriesRoute(parts), trafficRoute(parts)]
}

function topRoute({ pods, watch }: WatchParts): AdminRoute {
  return {
    method: 'GET',
    path: '/v1/top',
    summary:
      'The most frequent names, NXDOMAIN names and clients since somebody began to look. Asking begins it, and ' +
      'keeps it going for a minute.',
    parameters: [limit(COUNTERS, TOP)],
    answer: top,
    handle({ query }) {
      pods.look()
      return watch.top(readLimit(query, COUNTERS, TOP), pods.of)
    },
  }
}

function queriesRoute({ pods, watch }: WatchParts): AdminRoute {
  return {
    method: 'GET',
    path: '/v1/queries',
    summary: `The last queries, the newest first, of the ${KEPT_QUERIES} that are kept under the terms of /v1/top.`,
    parameters: [
      { name: 'client', description: 'Of this address alone.', schema: text },
      { name: 'suffix', description: 'For this name and those below it.', schema: text },
      { name: 'rcode', description: `NXDOMAIN, or ${DROPPED_TEXT}.`, schema: text },
      { name: 'slower', description: 'That took so many milliseconds or more.', schema: amount },
      limit(KEPT_QUERIES, LAST),
    ],
    answer: list(seenQuery),
    handle({ query }) {
      pods.look()
      return Pieces.ofList(watch.queries(readQueryFilter(query), pods.of))
    },
  }
}

function trafficRoute({ traffic }: WatchParts): AdminRoute {
  return {
    method: 'GET',
    path: '/v1/traffic',
    summary: 'Queries, hits, rcodes and latency of the last ten minutes, in steps of five seconds.',
    answer: object({
      stepSeconds: amount,
      bounds: list(amount),
      steps: list(step),
      total: step,
    }),
    handle: () => traffic.read(),
  }
}

const frequent = object({ name: text, count, error: count })
const client = object({ address: text, pod: text, count, error: count })

const top: Schema = object({
  since: time,
  queries: count,
  names: list(frequent),
  nxdomainNames: list(frequent),
  clients: list(client),
})

const seenQuery: Schema = object({
  at: time,
  client: text,
  pod: text,
  protocol: oneOf('udp', 'tcp'),
  name: text,
  type: text,
  rcode: text,
  milliseconds: amount,
  plugin: text,
  isStale: flag,
  upstream: text,
})

const step: Schema = object({
  at: time,
  queries: count,
  hits: count,
  rcodes: counts,
  latency: list(count),
})

function limit(most: number, fallback: number): Parameter {
  const description = `Entries at most; ${fallback} where absent.`
  return { name: 'limit', description, schema: { type: 'integer', minimum: 1, maximum: most } }
}
