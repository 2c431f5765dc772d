import { LabelledCounters } from '../../lib/counters.ts'
import { counters, type MetricSpec } from '../../lib/metrics.ts'

/** Messages for one SOCKET. */
export interface DnstapCounters {
  sent: number
  dropped: number
}

export const dnstapCounters: LabelledCounters<DnstapCounters> = new LabelledCounters(() => ({
  sent: 0,
  dropped: 0,
}))

export const metrics: readonly MetricSpec[] = [
  counters(
    'dnslet_dnstap_messages_total',
    'Messages of dnstap given to the connection to a collector.',
    ['endpoint'],
    dnstapCounters,
    ({ sent }) => sent,
  ),
  counters(
    'dnslet_dnstap_dropped_messages_total',
    'Messages of dnstap dropped: no connection to the collector, or no room in front of it.',
    ['endpoint'],
    dnstapCounters,
    ({ dropped }) => dropped,
  ),
]
