import { formatDuration } from '../../corefile/directive.ts'
import { joinHostPort } from '../../lib/address.ts'
import { rcodeName } from '../../wire/codes.ts'
import type { ForwardConfig } from './config.ts'

/**
 * The settings of one directive in effect, for `dnslet check`: those that always apply, then those that
 * are set. `to`: a line for each TO.
 */
export function describeConfig(config: ForwardConfig, to: readonly string[]): readonly string[] {
  const { maxConnectAttempts, maxConcurrent, maxIdleConns } = config
  const attempts = maxConnectAttempts === null ? 'two for each upstream' : maxConnectAttempts
  return [
    `from ${config.from}`,
    ...to.map((upstream) => `to ${upstream}`),
    ...list('except', config.except),
    `transport ${transport(config)}`,
    `policy ${config.policy}`,
    `expire ${formatDuration(config.expire)}`,
    `read_timeout ${formatDuration(config.readTimeout)}`,
    `max_connect_attempts ${attempts}`,
    healthCheck(config),
    `max_idle_conns ${maxIdleConns === 0 ? 'without a bound' : maxIdleConns}`,
    `max_concurrent ${maxConcurrent === 0 ? 'not set: the built-in limit' : maxConcurrent}`,
    ...list('next', config.next.map(rcodeName)),
    ...(config.nextOnNodata ? ['next_on_nodata'] : []),
    ...list('failover', config.failover.map(rcodeName)),
    ...(config.failfast ? ['failfast_all_unhealthy_upstreams'] : []),
    ...list('source_address', config.source === null ? [] : [config.source]),
    ...list(
      'resolver',
      config.resolvers.map(({ host, port }) => joinHostPort(host, port)),
    ),
  ]
}

function list(name: string, values: readonly string[]): readonly string[] {
  return values.length === 0 ? [] : [`${name} ${values.join(' ')}`]
}

function healthCheck({ healthCheck: check, maxFails }: ForwardConfig): string {
  if (maxFails === 0) return 'health_check off (max_fails 0)'
  const noRec = check.recursionDesired ? '' : ', no_rec'
  return (
    `health_check ${formatDuration(check.interval)} for ${check.domain}${noRec}, ` +
    `down after more than ${maxFails} failures`
  )
}

function transport({ forceTcp, preferUdp }: ForwardConfig): string {
  if (forceTcp) return 'TCP'
  return preferUdp ? 'UDP' : 'as the client'
}
