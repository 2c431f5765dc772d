import { Histogram } from '../../lib/counters.ts'
import { registerMetric } from '../../telemetry/metrics.ts'

/** The self-checks of this process. */
export const selfChecks: { readonly durations: Histogram; failures: number } = {
  durations: new Histogram([0.00025, 0.0025, 0.025, 0.25, 2.5]),
  failures: 0,
}

registerMetric({
  name: 'coredns_health_request_duration_seconds',
  help: 'Time a check of the own DNS sockets took, passed or failed.',
  type: 'histogram',
  labels: [],
  collect: (emit) => emit([], selfChecks.durations),
})

registerMetric({
  name: 'coredns_health_request_failures_total',
  help: 'Checks of the own DNS sockets that failed.',
  type: 'counter',
  labels: [],
  collect: (emit) => emit([], selfChecks.failures),
})
