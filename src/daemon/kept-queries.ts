import type { Log } from '../lib/log.ts'
import { keptQueries } from '../serve/kept-queries.ts'
import { registerMetric } from '../telemetry/metrics.ts'

/** Shows in log and metrics how many clients wait, and whether they are too many. */
export function showKeptQueries(log: Log): void {
  keptQueries.crowdBegins = (q) => {
    log.warning(
      `${keptQueries.count} queries wait for answers, of ${keptQueries.limit} that may; the next of ` +
        `${q.target.remoteAddress(q)} was turned away (further ones are counted in ` +
        'dnslet_waiting_queries_turned_away_total)',
    )
  }
  registerMetric({
    name: 'dnslet_waiting_queries',
    help: 'Queries of clients that wait for an upstream.',
    type: 'gauge',
    labels: [],
    collect: (emit) => emit([], keptQueries.count),
  })
  registerMetric({
    name: 'dnslet_waiting_queries_limit',
    help: 'Queries that may wait for an upstream at once.',
    type: 'gauge',
    labels: [],
    collect: (emit) => emit([], keptQueries.limit),
  })
  registerMetric({
    name: 'dnslet_waiting_queries_turned_away_total',
    help: 'Queries that could not wait: beyond the limit, or beyond the share of their client.',
    type: 'counter',
    labels: [],
    collect: (emit) => emit([], keptQueries.turnedAway),
  })
}
