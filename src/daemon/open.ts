import { isIP } from 'node:net'
import type { Inheritance } from '../lib/held-socket.ts'
import { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { MetricSpec } from '../lib/metrics.ts'
import { chooseUdpBackend } from '../net/backend.ts'
import { NetCounters } from '../net/counters.ts'
import { Listeners } from '../net/listeners.ts'
import { ReceiveQueues } from '../net/receive-queues.ts'
import { keptQueries } from '../serve/kept-queries.ts'
import type { ClosingOrder } from '../sys/closing-order.ts'
import { libc } from '../sys/libc.ts'
import { bindTcp } from '../sys/socket.ts'
import { setHttpLog } from '../telemetry/http-connections.ts'
import { inheritHttp, setHttpBinder } from '../telemetry/http.ts'
import { registerMetrics } from '../telemetry/metrics.ts'
import { openCacheBudget } from './cache-budget.ts'
import type { ReceiveCache } from './cache-handover.ts'
import { lowerCompilerThreads } from './compiler-threads.ts'
import { Daemon, type DaemonParts } from './daemon.ts'
import { LoopLag } from './loop-lag.ts'
import { daemonMetrics } from './metrics.ts'
import { collectStartGarbage } from './start-garbage.ts'

export interface OpenParts extends Omit<
  DaemonParts,
  'clock' | 'memory' | 'listeners' | 'receiveCache' | 'vitals'
> {
  /** What a predecessor gives: sockets to serve on, and its cache. Null or absent: nothing. */
  readonly inherited?: (Inheritance & { readonly receiveCache: ReceiveCache }) | null
  readonly closing?: ClosingOrder | null
  /** What the process counts beside its daemon. */
  readonly metrics?: readonly MetricSpec[]
}

/**
 * Starts a daemon on this machine's network, with its clock, its memory limit and all metrics of the
 * process: of several daemons /metrics tells of the last one. Rejects, with nothing left open, where it
 * cannot serve.
 *
 * With `freeBind`, DNS and HTTP are opened on addresses as well that an interface gets later.
 */
export async function openDaemon({
  inherited = null,
  closing = null,
  metrics = [],
  ...parts
}: OpenParts): Promise<Daemon> {
  lowerCompilerThreads()
  collectStartGarbage()
  const clock = new Clock()
  const memory = openCacheBudget()
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
  registerMetrics([...daemonMetrics({ memory, counters, sockets, lag }), ...metrics])
  keptQueries.crowdBegins = warnOfCrowd(log)
  const own = { clock, memory, listeners, vitals, receiveCache }
  const daemon = await Daemon.start({ ...parts, ...own })
  lag.start()
  log.info(`UDP sockets: ${udp.name} (${udp.reason})`)
  return daemon
}

/** Tells who was turned away first, where so many clients wait that there is no room for more. */
function warnOfCrowd(log: Log): typeof keptQueries.crowdBegins {
  return (q) => {
    log.warning(
      `${keptQueries.count} queries wait for answers, of ${keptQueries.limit} that may; the next of ` +
        `${q.target.remoteAddress(q)} was turned away (further ones are counted in ` +
        'dnslet_waiting_queries_turned_away_total)',
    )
  }
}

/** Binds an HTTP address that no interface may have yet; a name is left to Node. */
function bindHttp(address: string, port: number): number | null {
  const loaded = libc()
  if (loaded.libc === null || isIP(address) === 0) return null
  return bindTcp(loaded.libc, { address, port, freeBind: true })
}
