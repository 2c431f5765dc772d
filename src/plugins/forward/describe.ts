import { formatDuration } from '../../corefile/directive.ts'
import { rcodeName } from '../../wire/codes.ts'
import type { ForwardConfig } from './config.ts'

/** The settings of one directive in effect, for `dnslet check`. `to`: a line for each TO. */
export function describeConfig(config: ForwardConfig, to: readonly string[]): readonly string[] {
  const { healthCheck, maxFails } = config
  const lines = [
    `from ${config.from}`,
    ...to.map((upstream) => `to ${upstream}`),
    `transport ${transport(config)}`,
    `policy ${config.policy}`,
    `expire ${formatDuration(config.expire)}`,
    maxFails === 0
      ? 'health_check off (max_fails 0)'
      : `health_check ${formatDuration(healthCheck.interval)} for ${healthCheck.domain}, ` +
        `down after more than ${maxFails} failures`,
  ]
  if (config.except.length > 0) lines.push(`except ${config.except.join(' ')}`)
  if (config.maxConcurrent > 0) lines.push(`max_concurrent ${config.maxConcurrent}`)
  if (config.next.length > 0) lines.push(`next ${config.next.map(rcodeName).join(' ')}`)
  if (config.nextOnNodata) lines.push('next_on_nodata')
  if (config.failover.length > 0) {
    lines.push(`failover ${config.failover.map(rcodeName).join(' ')}`)
  }
  if (config.source !== null) lines.push(`source_address ${config.source}`)
  return lines
}

function transport({ forceTcp, preferUdp }: ForwardConfig): string {
  if (forceTcp) return 'TCP'
  return preferUdp ? 'UDP' : 'as the client'
}
