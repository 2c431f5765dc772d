import { reasonOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { counter, type MetricSpec } from '../lib/metrics.ts'
import type { Query } from '../serve/query.ts'
import { areDebugLinesPrinted } from '../telemetry/log-level.ts'
import { areStacksTraced } from '../telemetry/stack-traces.ts'

let panics = 0

export const panicsMetric: MetricSpec = counter(
  'coredns_panics_total',
  'Exceptions recovered from: a query answered with SERVFAIL, or a callback cut short.',
  () => panics,
)

/** Counts and logs a handler that threw while it served `q`, with its stack where that is wanted. */
export function panicked(log: Log, cause: unknown, q: Query): void {
  panics++
  const { name } = q.server
  const isTraced = areStacksTraced(name) || areDebugLinesPrinted()
  const stack = cause instanceof Error && isTraced ? `\n${cause.stack ?? ''}` : ''
  log.error(`Recovered from panic in server: "${name}" ${reasonOf(cause)}${stack}`)
}

/** Counts and logs an exception that nobody caught: the process goes on. */
export function uncaught(log: Log, cause: unknown): void {
  panics++
  log.error(
    `Uncaught exception: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`,
  )
}
