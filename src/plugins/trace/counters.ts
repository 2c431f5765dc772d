import { LabelledCounters } from '../../lib/counters.ts'
import { counters, type MetricSpec } from '../../lib/metrics.ts'

/** Spans for one collector. */
export interface TraceCounters {
  sent: number
  dropped: number
}

export const traceCounters: LabelledCounters<TraceCounters> = new LabelledCounters(() => ({
  sent: 0,
  dropped: 0,
}))

export const metrics: readonly MetricSpec[] = [
  counters(
    'dnslet_trace_spans_total',
    'Spans that a collector of traces has taken.',
    ['endpoint'],
    traceCounters,
    ({ sent }) => sent,
  ),
  counters(
    'dnslet_trace_dropped_spans_total',
    'Spans dropped: the collector did not take them, or no room in front of it.',
    ['endpoint'],
    traceCounters,
    ({ dropped }) => dropped,
  ),
]
