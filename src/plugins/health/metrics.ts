import { Histogram } from '../../lib/counters.ts'
import { counter, histogram, type MetricSpec } from '../../lib/metrics.ts'

/** The self-checks of this process. */
export const selfChecks: { readonly durations: Histogram; failures: number } = {
  durations: new Histogram([0.00025, 0.0025, 0.025, 0.25, 2.5]),
  failures: 0,
}

export const metrics: readonly MetricSpec[] = [
  histogram(
    'coredns_health_request_duration_seconds',
    'Time a check of the own DNS sockets took, passed or failed.',
    () => selfChecks.durations,
  ),
  counter(
    'coredns_health_request_failures_total',
    'Checks of the own DNS sockets that failed.',
    () => selfChecks.failures,
  ),
]
