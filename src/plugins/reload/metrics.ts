import { registerMetric } from '../../telemetry/metrics.ts'
import { reloadCounters } from './counters.ts'

registerMetric({
  name: 'coredns_reload_failed_total',
  help: 'Reloads that failed: the Corefile could not be read or its configuration not be used.',
  type: 'counter',
  labels: [],
  collect: (emit) => emit([], reloadCounters.failed),
})

registerMetric({
  name: 'coredns_reload_version_info',
  help: 'Hash of the configuration that the last successful reload brought in; the value is 1.',
  type: 'gauge',
  labels: ['hash', 'value'],
  collect: (emit) => {
    if (reloadCounters.version !== null) emit(['sha512', reloadCounters.version], 1)
  },
})
