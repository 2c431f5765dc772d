import { formatDuration } from '../../corefile/directive.ts'
import type { CacheConfig, StaleConfig, StoreConfig } from './config.ts'

/** The settings in effect, for `dnslet check`: a line for each option, written or not. */
export function describe(config: CacheConfig): string[] {
  const { success, denial, prefetch, stale, servfail, keepTtl } = config
  const lines = [
    `zones ${config.zones.join(' ') || 'none: nothing is cached'}`,
    `success ${describeStore(success)}`,
    `denial ${describeStore(denial)}`,
    `servfail ${formatDuration(servfail)}`,
    prefetch === null
      ? 'prefetch off'
      : `prefetch ${prefetch.amount} ${formatDuration(prefetch.duration)} ${prefetch.percentage}%`,
    ...(stale === null ? ['serve_stale off'] : describeStale(stale)),
  ]
  if (config.withoutSuccess.length > 0) {
    lines.push(`disable success ${config.withoutSuccess.join(' ')}`)
  }
  if (config.withoutDenial.length > 0) {
    lines.push(`disable denial ${config.withoutDenial.join(' ')}`)
  }
  if (keepTtl) lines.push('keepttl')
  return lines
}

function describeStore({ capacity, minTtl, maxTtl }: StoreConfig): string {
  return `${capacity} entries, TTL ${minTtl}s to ${maxTtl}s`
}

function describeStale(stale: StaleConfig): string[] {
  const { window, askFirst, timeout, responseTtl, recheck, preferPositive } = stale
  const wait = ` or no answer in ${formatDuration(timeout)}`
  const when = askFirst ? `after a failure of the upstream${wait}` : 'at once'
  const pause = recheck === 0 ? 'each time' : `every ${formatDuration(recheck)}`
  const lines = [
    `serve_stale up to ${formatDuration(window)} after expiry, ${when}, TTL ${responseTtl}s; ` +
      `after a failed refresh tried again ${pause}`,
  ]
  if (preferPositive) lines.push('serve_stale_policy prefer_positive')
  return lines
}
