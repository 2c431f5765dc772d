import type { Clock } from '../../lib/clock.ts'
import { Episode } from '../../lib/episode.ts'
import type { Log } from '../../lib/log.ts'
import { counter, type MetricSpec } from '../../lib/metrics.ts'

let total = 0
const episode = new Episode()

export const crowdMetric: MetricSpec = counter(
  'dnslet_cache_crowded_buckets_total',
  'Entries displaced, and look-ups of questions under way given up, because 16 others had the same bucket.',
  () => total,
)

/**
 * What a cache calls where a chain of its hash tables is full. The hash has a secret key, so this says
 * that somebody knows it, or has found a weakness: one line for each episode of the process.
 */
export function crowdReporter(log: Log, clock: Clock): () => void {
  return () => {
    total++
    if (!episode.begins(clock.now)) return
    log.warning(
      'many questions have the same hash: an attack; answers are displaced, others are not',
    )
  }
}
