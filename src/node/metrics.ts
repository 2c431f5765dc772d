import { adminMetrics } from '../admin/metrics.ts'
import { displacedMetric } from '../host/handover/conversations.ts'
import { interceptionMetrics } from '../host/interception-metrics.ts'
import { setupErrorsMetric } from '../host/setup-errors.ts'
import type { MetricSpec } from '../lib/metrics.ts'
import { foreignSocketsMetric } from './neighbours.ts'

/** What a daemon on a node counts beyond one that leaves the machine alone. */
export const nodeMetrics: readonly MetricSpec[] = [
  setupErrorsMetric,
  ...interceptionMetrics,
  foreignSocketsMetric,
  displacedMetric,
  ...adminMetrics,
]
