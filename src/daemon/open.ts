import { Clock } from '../lib/clock.ts'
import { chooseUdpBackend } from '../net/backend.ts'
import { NetCounters } from '../net/counters.ts'
import { Listeners } from '../net/listeners.ts'
import { netMetrics } from '../net/metrics.ts'
import { ReceiveQueues, receiveQueueMetrics } from '../net/receive-queues.ts'
import { Descriptors, type Inheritance } from '../sys/descriptors.ts'
import { HttpListeners } from '../telemetry/http.ts'
import { registerMetric } from '../telemetry/metrics.ts'
import { openCacheBudget, showCacheBudget } from './cache-budget.ts'
import type { ReceiveCache } from './cache-handover.ts'
import { lowerCompilerThreads } from './compiler-threads.ts'
import { Daemon } from './daemon.ts'
import type { DaemonParts } from './daemon-parts.ts'
import { showKeptQueries } from './kept-queries.ts'
import { LoopLag, loopLagMetric } from './loop-lag.ts'
import { collectStartGarbage } from './start-garbage.ts'

export interface OpenParts extends Omit<
  DaemonParts,
  'clock' | 'cacheBudget' | 'listeners' | 'http' | 'receiveCache' | 'freeBind' | 'vitals'
> {
  /** What a predecessor gives: sockets to serve on, and its cache. Null or absent: nothing. */
  readonly inherited?: Bequest | null
  /** Where sockets come from; absent: from nobody, in any order, on addresses that are there. */
  readonly descriptors?: Descriptors
}

interface Bequest extends Inheritance {
  readonly receiveCache: ReceiveCache
}

/**
 * Starts the process's one daemon on this machine's network, with its clock, its memory limit and
 * the metrics of both. Rejects, with nothing left open, where it cannot serve.
 */
export async function openDaemon({
  inherited = null,
  descriptors = new Descriptors(),
  ...parts
}: OpenParts): Promise<Daemon> {
  lowerCompilerThreads()
  collectStartGarbage()
  const clock = new Clock()
  const cacheBudget = openCacheBudget()
  const udp = chooseUdpBackend(process.env)
  const counters = new NetCounters()
  const { log } = parts
  const { freeBind } = descriptors
  if (inherited !== null) descriptors.inherit(inherited)
  const listeners = new Listeners({ udp, clock, counters, log, descriptors })
  const http = new HttpListeners({
    log,
    listen: (server, host, port) => descriptors.listen(server, 'http', host, port),
  })
  const receiveCache: ReceiveCache | null =
    inherited === null ? null : (push) => inherited.receiveCache(push)
  const sockets = (): ReturnType<Listeners['udpSockets']> => listeners.udpSockets()
  const lag = new LoopLag({ clock, log })
  const queues = new ReceiveQueues({ sockets, clock, log })
  const vitals = (): string | null => lag.problem() ?? queues.check()
  const own = { clock, cacheBudget, listeners, http, freeBind, vitals, receiveCache }
  const daemon = await Daemon.start({ ...parts, ...own })
  lag.start()
  showCacheBudget(cacheBudget)
  showKeptQueries(log)
  const metrics = [...netMetrics(counters), ...receiveQueueMetrics(sockets), loopLagMetric(lag)]
  for (const metric of metrics) registerMetric(metric)
  log.info(`UDP sockets: ${udp.name} (${udp.reason})`)
  return daemon
}
