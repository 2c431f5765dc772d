import { gauge, type MetricSpec } from '../lib/metrics.ts'
import {
  clientQueries,
  type ClientNetworks,
  type ClientQueries,
  sourceNames,
} from '../serve/client-queries.ts'

export type { ClientNetworks } from '../serve/client-queries.ts'

/** Milliseconds between two looks at the node's networks: a flood of new addresses brings no more. */
const REST_MS = 5_000

/**
 * Looks at the networks now, and again when an unknown client has come.
 *
 * @param look never rejects
 */
export function followNetworks(
  look: () => Promise<ClientNetworks>,
  queries: ClientQueries = clientQueries,
  now: () => number = () => performance.now(),
): void {
  let nextAt = -Infinity
  const newcomer = (): void => {
    if (now() < nextAt) return
    nextAt = now() + REST_MS
    void look().then((networks) => queries.setNetworks(networks))
  }
  queries.newcomer = newcomer
  newcomer()
}

/** What is counted of clients as such, over all blocks and listeners. */
export function clientMetrics(
  queries: ClientQueries = clientQueries,
  now: () => number = () => performance.now(),
): readonly MetricSpec[] {
  const begun = now()
  return [
    {
      name: 'dnslet_queries_by_source_total',
      help: 'Queries of clients by where these are: pods, node, others.',
      type: 'counter',
      labels: ['source'],
      collect(emit) {
        queries.bySource().forEach((count, source) => emit([sourceNames[source]!], count))
      },
    },
    gauge(
      'dnslet_seconds_since_last_client_query',
      'Seconds since a client asked last, or since the start if none has.',
      () => Math.max(0, now() - (queries.lastAt ?? begun)) / 1000,
    ),
  ]
}
