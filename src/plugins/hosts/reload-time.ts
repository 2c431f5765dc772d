import { gauge, type MetricSpec } from '../../lib/metrics.ts'

/** When the hosts file that was read last had been changed, in seconds since 1970. */
export const lastModified: { seconds: number } = { seconds: 0 }

/** There without `hosts` as well, as in CoreDNS: 0. */
export const reloadTime: MetricSpec = gauge(
  'coredns_hosts_reload_timestamp_seconds',
  'Unix time at which the hosts file that was read last had been changed.',
  () => lastModified.seconds,
)
