import { ByServer, LabelledCounters } from '../../lib/counters.ts'
import { counters, type MetricSpec } from '../../lib/metrics.ts'

/** What one cache counts for one server. */
export interface CacheCounters {
  requests: number
  successHits: number
  denialHits: number
  misses: number
  prefetch: number
  servedStale: number
  successEvictions: number
  denialEvictions: number
  coalesced: number
  drops: number
}

/** Labels: server, zones, view. */
const cacheCounters = new LabelledCounters<CacheCounters>(() => ({
  requests: 0,
  successHits: 0,
  denialHits: 0,
  misses: 0,
  prefetch: 0,
  servedStale: 0,
  successEvictions: 0,
  denialEvictions: 0,
  coalesced: 0,
  drops: 0,
}))

/** A running cache as gauges see it. */
export interface CacheGauges {
  readonly labels: readonly (readonly [server: string, zones: string, view: string])[]
  /** Live entries: expired ones do not count. */
  entries(): { readonly success: number; readonly denial: number }
}

const running = new Set<CacheGauges>()

export type CountersByServer = ByServer<CacheCounters>

/**
 * @param zones comma-joined zones of the cache, as the `zones` label has them
 * @param view the name of its block
 */
export function countersByServer(zones: string, view: string): CountersByServer {
  return new ByServer(cacheCounters, zones, view)
}

/** Shows a cache's gauges from now on; the result ends that. */
export function showGauges(gauges: CacheGauges): () => void {
  running.add(gauges)
  return () => running.delete(gauges)
}

function counterMetric(
  name: string,
  help: string,
  read: (counted: CacheCounters) => number,
): MetricSpec {
  return counters(name, help, ['server', 'zones', 'view'], cacheCounters, read)
}

function typedMetric(
  name: string,
  help: string,
  success: (c: CacheCounters) => number,
  denial: (c: CacheCounters) => number,
): MetricSpec {
  return {
    name,
    help,
    type: 'counter',
    labels: ['server', 'type', 'zones', 'view'],
    collect(emit) {
      for (const [[server, zones, view], c] of cacheCounters.entries()) {
        if (success(c) > 0) emit([server!, 'success', zones!, view!], success(c))
        if (denial(c) > 0) emit([server!, 'denial', zones!, view!], denial(c))
      }
    },
  }
}

export const metrics: readonly MetricSpec[] = [
  counterMetric('coredns_cache_requests_total', 'Cache look-ups.', (c) => c.requests),
  counterMetric('coredns_cache_misses_total', 'Look-ups without a usable entry.', (c) => c.misses),
  counterMetric(
    'coredns_cache_prefetch_total',
    'Refreshes started while an entry was still served.',
    (c) => c.prefetch,
  ),
  counterMetric(
    'coredns_cache_served_stale_total',
    'Answers given after their expiry.',
    (c) => c.servedStale,
  ),
  counterMetric(
    'dnslet_cache_coalesced_total',
    'Misses that waited for an identical one instead of asking the upstream.',
    (c) => c.coalesced,
  ),
  counterMetric('coredns_cache_drops_total', 'Replies that could not be parsed.', (c) => c.drops),
  typedMetric(
    'coredns_cache_hits_total',
    'Look-ups answered from the cache.',
    (c) => c.successHits,
    (c) => c.denialHits,
  ),
  typedMetric(
    'coredns_cache_evictions_total',
    'Entries that had to make room.',
    (c) => c.successEvictions,
    (c) => c.denialEvictions,
  ),
  {
    name: 'coredns_cache_entries',
    help: 'Entries that have not expired.',
    type: 'gauge',
    labels: ['server', 'type', 'zones', 'view'],
    collect(emit) {
      for (const cache of running) {
        const { success, denial } = cache.entries()
        for (const [server, zones, view] of cache.labels) {
          emit([server, 'success', zones, view], success)
          emit([server, 'denial', zones, view], denial)
        }
      }
    },
  },
]
