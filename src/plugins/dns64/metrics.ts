import { LabelledCounters } from '../../lib/counters.ts'
import { counters, type MetricSpec } from '../../lib/metrics.ts'

/** Label: server. */
export const translateCounters: LabelledCounters<{ translated: number }> = new LabelledCounters(
  () => ({ translated: 0 }),
)

export const metrics: readonly MetricSpec[] = [
  counters(
    'coredns_dns64_requests_translated_total',
    'Answers for AAAA that were made of those for A.',
    ['server'],
    translateCounters,
    (c) => c.translated,
  ),
]
