import { LabelledCounters } from '../../lib/counters.ts'
import { counters, type MetricSpec } from '../../lib/metrics.ts'

/** Queries that one `acl` did not let pass. */
export interface RejectCounters {
  blocked: number
  filtered: number
  dropped: number
}

/** Labels: server, zone, view. */
export const rejectCounters: LabelledCounters<RejectCounters> = new LabelledCounters(() => ({
  blocked: 0,
  filtered: 0,
  dropped: 0,
}))

/** Labels: server, view. */
export const allowCounters: LabelledCounters<{ allowed: number }> = new LabelledCounters(() => ({
  allowed: 0,
}))

function rejects(what: keyof RejectCounters, help: string): MetricSpec {
  const name = `coredns_acl_${what}_requests_total`
  return counters(name, help, ['server', 'zone', 'view'], rejectCounters, (c) => c[what])
}

export const metrics: readonly MetricSpec[] = [
  rejects('blocked', 'Queries that acl refused.'),
  rejects('filtered', 'Queries that acl answered without records.'),
  rejects('dropped', 'Queries that acl did not answer.'),
  counters(
    'coredns_acl_allowed_requests_total',
    'Queries that acl let pass.',
    ['server', 'view'],
    allowCounters,
    (c) => c.allowed,
  ),
]
