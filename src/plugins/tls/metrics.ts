import { counter, type MetricSpec } from '../../lib/metrics.ts'

/** What became of certificates that changed on disk. They outlive reloads. */
export const renewals: { good: number; failed: number } = { good: 0, failed: 0 }

export const metrics: readonly MetricSpec[] = [
  counter(
    'dnslet_tls_renewals_total',
    'Certificates read again because their files had changed.',
    () => renewals.good,
  ),
  counter(
    'dnslet_tls_renewal_failures_total',
    'Changed files of certificates that could not be used: the last good one goes on.',
    () => renewals.failed,
  ),
]
