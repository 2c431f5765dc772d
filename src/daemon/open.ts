import { beat } from '../lib/beat.ts'
import { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { MetricSpec } from '../lib/metrics.ts'
import { compileSparingly } from '../lib/v8-flags.ts'
import { chooseUdpBackend } from '../net/backend.ts'
import { NetCounters } from '../net/counters.ts'
import { Listeners } from '../net/listeners.ts'
import { ReceiveQueues } from '../net/receive-queues.ts'
import { keptQueries } from '../serve/kept-queries.ts'
import { Descriptors, type Inheritance } from '../sys/descriptors.ts'
import { libc } from '../sys/libc.ts'
import { HttpListeners } from '../telemetry/http.ts'
import { registerMetrics } from '../telemetry/metrics.ts'
import { openCacheBudget } from './cache-budget.ts'
import type { ReceiveCache } from './cache-handover.ts'
import { type ClientNetworks, followNetworks } from './client-sources.ts'
import { lowerCompilerThreads } from './compiler-threads.ts'
import { Daemon, type DaemonParts } from './daemon.ts'
import { GiveBack } from './give-back.ts'
import { LoopLag } from './loop-lag.ts'
import { LostTime } from './lost-time.ts'
import { MemoryShares } from './memory-shares.ts'
import { daemonMetrics } from './metrics.ts'
import { collectStartGarbage } from './start-garbage.ts'

export interface OpenParts extends Omit<
  DaemonParts,
  'clock' | 'memory' | 'listeners' | 'http' | 'receiveCache' | 'freeBind' | 'vitals'
> {
  /** What a predecessor gives: sockets to serve on, and its cache. Null or absent: nothing. */
  readonly inherited?: (Inheritance & { readonly receiveCache: ReceiveCache }) | null
  /** Where sockets come from; absent: from nobody, in any order, on addresses that are there. */
  readonly descriptors?: Descriptors
  /** What the process counts beside its daemon. */
  readonly metrics?: readonly MetricSpec[]
  /** Tells the clients of this machine apart; never rejects. Absent: only those of its loopback are known. */
  readonly networks?: () => Promise<ClientNetworks>
  /** Called each second, by a timer that runs in any case. Absent: nobody. */
  readonly tick?: () => void
}

/**
 * Starts a daemon on this machine's network, with its clock, its memory limit and all metrics of the
 * process: of several daemons /metrics tells of the last one. Rejects, with nothing left open, where it
 * cannot serve.
 */
export async function openDaemon({
  inherited = null,
  descriptors = new Descriptors(),
  metrics = [],
  networks,
  tick,
  ...parts
}: OpenParts): Promise<Daemon> {
  compileSparingly()
  lowerCompilerThreads()
  collectStartGarbage()
  const clock = new Clock()
  const memory = openCacheBudget()
  const udp = chooseUdpBackend(process.env)
  if (udp.name === 'batched') libc().libc?.stopIdleCount()
  const counters = new NetCounters()
  const { coming = null, log } = parts
  if (inherited !== null) descriptors.inherit(inherited)
  const listeners = new Listeners({
    udp,
    clock,
    counters,
    log,
    descriptors,
    coming: coming?.addresses ?? [],
  })
  const http = new HttpListeners({
    log,
    listen: (server, host, port) => descriptors.listen(server, 'http', host, port),
  })
  const receiveCache: ReceiveCache | null =
    inherited === null ? null : (push) => inherited.receiveCache(push)
  const sockets = (): ReturnType<Listeners['udpSockets']> => listeners.udpSockets()
  const lag = new LoopLag({ clock, log })
  const queues = new ReceiveQueues({ sockets, clock, counters, log })
  const vitals = (): string | null => lag.problem() ?? queues.check()
  registerMetrics([...daemonMetrics({ memory, counters, sockets, lag }), ...metrics])
  keptQueries.crowdBegins = warnOfCrowd(log)
  const own = { clock, memory, listeners, http, freeBind: descriptors.onNode, vitals, receiveCache }
  const daemon = await Daemon.start({ ...parts, ...own })
  lag.start()
  if (tick !== undefined) beat.every(1, tick)
  followLostTime(daemon, log)
  const shares = new MemoryShares({ budget: memory, log })
  const giveBack = new GiveBack()
  beat.every(5, () => {
    shares.look()
    giveBack.look(clock.now)
  })
  if (networks !== undefined) followNetworks(networks)
  log.info(`UDP sockets: ${udp.name} (${udp.reason})`)
  return daemon
}

/** Ages what is cached where this machine stood still. */
function followLostTime(daemon: Daemon, log: Log): void {
  const lost = new LostTime()
  beat.every(1, () => {
    const ms = lost.look()
    if (ms === 0) return
    daemon.ageCache(ms)
    log.info(
      `The clock was ${Math.round(ms / 1000)} s ahead at once: cached answers are as much older`,
    )
  })
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
