import type { Inheritance } from '../lib/held-socket.ts'
import { Clock } from '../lib/clock.ts'
import { chooseUdpBackend } from '../net/backend.ts'
import { NetCounters } from '../net/counters.ts'
import { Listeners } from '../net/listeners.ts'
import { netMetrics } from '../net/metrics.ts'
import { inheritHttp } from '../telemetry/http.ts'
import { registerMetric } from '../telemetry/metrics.ts'
import { openCacheBudget, showCacheBudget } from './cache-budget.ts'
import type { ReceiveCache } from './cache-handover.ts'
import { Daemon, type DaemonParts } from './daemon.ts'

export interface OpenParts extends Omit<
  DaemonParts,
  'clock' | 'cacheBudget' | 'listeners' | 'receiveCache'
> {
  /** What a predecessor gives: sockets to serve on, and its cache. Null or absent: nothing. */
  readonly inherited?: Bequest | null
}

interface Bequest extends Inheritance {
  readonly receiveCache: ReceiveCache
}

/**
 * Starts the process's one daemon on this machine's network, with its clock, its memory limit and
 * the metrics of both. Rejects, with nothing left open, where it cannot serve.
 */
export async function openDaemon({ inherited = null, ...parts }: OpenParts): Promise<Daemon> {
  const clock = new Clock()
  const cacheBudget = openCacheBudget()
  const udp = chooseUdpBackend(process.env)
  const counters = new NetCounters()
  const adopt = inherited === null ? {} : { inherited }
  const listeners = new Listeners({ udp, clock, counters, log: parts.log, ...adopt })
  if (inherited !== null) inheritHttp(inherited)
  const receiveCache: ReceiveCache | null =
    inherited === null ? null : (push) => inherited.receiveCache(push)
  const daemon = await Daemon.start({ ...parts, clock, cacheBudget, listeners, receiveCache })
  showCacheBudget(cacheBudget)
  for (const metric of netMetrics(counters)) registerMetric(metric)
  parts.log.info(`UDP sockets: ${udp.name} (${udp.reason})`)
  return daemon
}
