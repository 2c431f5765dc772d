import { Clock } from '../lib/clock.ts'
import { chooseUdpBackend } from '../net/backend.ts'
import { NetCounters } from '../net/counters.ts'
import { Listeners } from '../net/listeners.ts'
import { netMetrics } from '../net/metrics.ts'
import { registerMetric } from '../telemetry/metrics.ts'
import { openCacheBudget, showCacheBudget } from './cache-budget.ts'
import { Daemon, type DaemonParts } from './daemon.ts'

/**
 * Starts the process's one daemon on this machine's network, with its clock, its memory limit and
 * the metrics of both. Rejects, with nothing left open, where it cannot serve.
 */
export async function openDaemon(
  parts: Omit<DaemonParts, 'clock' | 'cacheBudget' | 'listeners'>,
): Promise<Daemon> {
  const clock = new Clock()
  const cacheBudget = openCacheBudget()
  const udp = chooseUdpBackend(process.env)
  const counters = new NetCounters()
  const listeners = new Listeners({ udp, clock, counters, log: parts.log })
  const daemon = await Daemon.start({ ...parts, clock, cacheBudget, listeners })
  showCacheBudget(cacheBudget)
  for (const metric of netMetrics(counters)) registerMetric(metric)
  parts.log.info(`UDP sockets: ${udp.name} (${udp.reason})`)
  return daemon
}
