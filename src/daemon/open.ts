import { isIP } from 'node:net'
import type { Inheritance } from '../lib/held-socket.ts'
import { Clock } from '../lib/clock.ts'
import { chooseUdpBackend } from '../net/backend.ts'
import { NetCounters } from '../net/counters.ts'
import { Listeners } from '../net/listeners.ts'
import { netMetrics } from '../net/metrics.ts'
import { ReceiveQueues, receiveQueueMetrics } from '../net/receive-queues.ts'
import type { ClosingOrder } from '../sys/closing-order.ts'
import { libc } from '../sys/libc.ts'
import { bindTcp } from '../sys/socket.ts'
import { setHttpLog } from '../telemetry/http-connections.ts'
import { inheritHttp, setHttpBinder } from '../telemetry/http.ts'
import { registerMetric } from '../telemetry/metrics.ts'
import { openCacheBudget, showCacheBudget } from './cache-budget.ts'
import type { ReceiveCache } from './cache-handover.ts'
import { lowerCompilerThreads } from './compiler-threads.ts'
import { Daemon, type DaemonParts } from './daemon.ts'
import { showKeptQueries } from './kept-queries.ts'
import { LoopLag, loopLagMetric } from './loop-lag.ts'
import { collectStartGarbage } from './start-garbage.ts'

export interface OpenParts extends Omit<
  DaemonParts,
  'clock' | 'cacheBudget' | 'listeners' | 'receiveCache' | 'vitals'
> {
  /** What a predecessor gives: sockets to serve on, and its cache. Null or absent: nothing. */
  readonly inherited?: (Inheritance & { readonly receiveCache: ReceiveCache }) | null
  readonly closing?: ClosingOrder | null
}

/**
 * Starts the process's one daemon on this machine's network, with its clock, its memory limit and
 * the metrics of both. Rejects, with nothing left open, where it cannot serve.
 *
 * With `freeBind`, DNS and HTTP are opened on addresses as well that an interface gets later.
 */
export async function openDaemon({
  inherited = null,
  closing = null,
  ...parts
}: OpenParts): Promise<Daemon> {
  lowerCompilerThreads()
  collectStartGarbage()
  const clock = new Clock()
  const cacheBudget = openCacheBudget()
  const udp = chooseUdpBackend(process.env)
  const counters = new NetCounters()
  const { log, freeBind = false } = parts
  // A process that starts does many things at once: what it reads now would wait for them.
  const adopt = inherited === null ? {} : { inherited, waits: true }
  const listeners = new Listeners({ udp, clock, counters, log, freeBind, closing, ...adopt })
  setHttpLog(log)
  if (freeBind) setHttpBinder(bindHttp)
  if (inherited !== null) inheritHttp(inherited)
  const receiveCache: ReceiveCache | null =
    inherited === null ? null : (push) => inherited.receiveCache(push)
  const sockets = (): ReturnType<Listeners['udpSockets']> => listeners.udpSockets()
  const lag = new LoopLag({ clock, log })
  const queues = new ReceiveQueues({ sockets, clock, log })
  const vitals = (): string | null => lag.problem() ?? queues.check()
  const own = { clock, cacheBudget, listeners, vitals, receiveCache }
  const daemon = await Daemon.start({ ...parts, ...own })
  lag.start()
  showCacheBudget(cacheBudget)
  showKeptQueries(log)
  const metrics = [...netMetrics(counters), ...receiveQueueMetrics(sockets), loopLagMetric(lag)]
  for (const metric of metrics) registerMetric(metric)
  log.info(`UDP sockets: ${udp.name} (${udp.reason})`)
  return daemon
}

/** Binds an HTTP address that no interface may have yet; a name is left to Node. */
function bindHttp(address: string, port: number): number | null {
  const loaded = libc()
  if (loaded.libc === null || isIP(address) === 0) return null
  return bindTcp(loaded.libc, { address, port, freeBind: true })
}
