import { LabelledCounters } from '../lib/counters.ts'
import { counters, type MetricSpec } from '../lib/metrics.ts'

/** Labels: the route, which is one of those that exist or a word for none, and the HTTP status. */
const requests = new LabelledCounters<{ count: number }>(() => ({ count: 0 }))

/** Counts a request. @param route of bounded variety: nothing that a client has made up */
export function countRequest(route: string, status: number): void {
  requests.get(route, String(status)).count++
}

export const adminMetrics: readonly MetricSpec[] = [
  counters(
    'dnslet_admin_requests_total',
    'Requests to the admin interface by route and HTTP status; 0 for a connection that was closed unread.',
    ['route', 'status'],
    requests,
    ({ count }) => count,
  ),
]
