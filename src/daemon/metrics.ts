import type { ServerBlock } from '../corefile/parse.ts'
import type { ByteBudget } from '../lib/byte-budget.ts'
import { counter, gauge, type MetricSpec } from '../lib/metrics.ts'
import { remembered } from '../lib/remembered.ts'
import type { NetCounters } from '../net/counters.ts'
import { netMetrics } from '../net/metrics.ts'
import { receiveQueueMetrics } from '../net/receive-queues.ts'
import { loadPlugins, plugins } from '../plugins/index.ts'
import { keptQueries } from '../serve/kept-queries.ts'
import { addMetrics } from '../telemetry/metrics.ts'
import { telemetryMetrics } from '../telemetry/metrics-route.ts'
import { clientMetrics } from './client-sources.ts'
import { type LoopLag, loopLagMetric } from './loop-lag.ts'
import { memoryLimit } from './memory-limit.ts'
import { panicsMetric } from './panics.ts'
import { reloadMetrics } from './reload.ts'

/** Milliseconds for which a memory limit serves. */
const LIMIT_MS = 5_000

/** What one daemon counts in objects of its own. */
export interface Counted {
  readonly memory: ByteBudget
  readonly counters: NetCounters
  readonly sockets: Parameters<typeof receiveQueueMetrics>[0]
  readonly lag: Pick<LoopLag, 'lags'>
}

/** Loads what these server blocks need of plugins, with what those count. */
export async function loadWithMetrics(blocks: readonly ServerBlock[]): Promise<void> {
  for (const { metrics = [] } of await loadPlugins(blocks)) addMetrics(metrics)
}

/** Everything that a daemon and its plugins count. */
export function daemonMetrics({ memory, counters, sockets, lag }: Counted): readonly MetricSpec[] {
  return [
    ...plugins.flatMap(({ metrics = [] }) => metrics),
    ...telemetryMetrics,
    panicsMetric,
    ...reloadMetrics,
    gauge('dnslet_cache_bytes', 'Bytes held by all caches together.', () => memory.used),
    gauge('dnslet_cache_limit_bytes', 'Bytes all caches may hold together.', () => memory.limit),
    gauge(
      'dnslet_memory_limit_bytes',
      'Memory that the control group allows the process; absent where nothing limits it.',
      // As often as caches follow it: to read it opens five files.
      remembered(LIMIT_MS, () => memoryLimit()),
    ),
    gauge(
      'dnslet_waiting_queries',
      'Queries of clients that wait for an upstream.',
      () => keptQueries.count,
    ),
    gauge(
      'dnslet_waiting_queries_limit',
      'Queries that may wait for an upstream at once.',
      () => keptQueries.limit,
    ),
    counter(
      'dnslet_waiting_queries_turned_away_total',
      'Queries that could not wait: beyond the limit, or beyond the share of their client.',
      () => keptQueries.turnedAway,
    ),
    ...netMetrics(counters),
    ...receiveQueueMetrics(sockets),
    loopLagMetric(lag),
    ...clientMetrics(),
  ]
}
