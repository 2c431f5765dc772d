import type { Daemon } from '../daemon/daemon.ts'
import { openToOthers, openToOthersLine } from '../daemon/open-to-others.ts'
import { openDaemon } from '../daemon/open.ts'
import { uncaught } from '../daemon/panics.ts'
import type { RunningDaemon } from '../host/handover/offer.ts'
import { type Interception, WAITING } from '../host/interception.ts'
import { canonicalAddress } from '../lib/address.ts'
import { Holds } from '../lib/holds.ts'
import { versionLines } from '../lib/version.ts'
import type { ServeOptions } from '../options/serve-options.ts'
import { openConfiguration } from '../source/configuration.ts'
import { Descriptors } from '../sys/descriptors.ts'
import { createLog, type DaemonLog } from '../telemetry/log.ts'
import { MetricsAddress } from '../telemetry/metrics-address.ts'
import { Handover, proveUpstream } from './handover.ts'
import { clusterZone, intercept } from './intercept.ts'
import { Neighbours } from './neighbours.ts'
import { Operator } from './operator.ts'
import { removePidfile, writePidfile } from './pidfile.ts'
import { inPod, openState } from './state.ts'

/** A daemon that serves, as signals see it. */
export interface Serving {
  readonly log: DaemonLog
  /** A defect of ours outside any query: logged and counted, and the daemon goes on. */
  uncaught(cause: unknown): void
  /** SIGUSR1. Never rejects. */
  reload(): Promise<void>
  /** SIGTERM: lameduck, drained sockets, pid file removed. */
  shutdown(): Promise<void>
  /** SIGINT: the same without lameduck. */
  stop(): Promise<void>
}

/** What may end the process from within. */
export interface ServeEvents {
  /** A plugin found that the daemon must not go on. */
  fatal(message: string, log: DaemonLog): void
  /** A successor serves in our place, and nothing is under way any more. */
  handedOver(log: DaemonLog): void
}

/**
 * `dnslet serve`: opens everything and returns once queries are answered. Rejects with what is wrong
 * with the configuration or the system, with nothing left open. Where a dnslet serves the same
 * addresses already, it takes over from it.
 *
 *     ask the predecessor ─▶ sockets ─▶ rules ─▶ question to ourselves ─▶ interface
 *              └────────────▶ its sockets ─▶ question to ourselves ─▶ rules ─▶ its interface ─▶ take over
 *     readiness off ─▶ lameduck ─▶ interception off ─▶ last answers ─▶ interface gone
 */
export async function serve(options: ServeOptions, events: ServeEvents): Promise<Serving> {
  const { intercepts, pidfile, port } = options
  const addresses = options.localIps.map(canonicalAddress)
  const descriptors = new Descriptors({ onNode: intercepts ? addresses : null })
  const log = await openLog(options)
  const state = openState(options, log)
  const configuration = openConfiguration(options, process.env, log, state)
  const handover = await Handover.ask(state, log)
  const { predecessor: inherited, runsBeside } = handover
  // Where anything of this fails, the predecessor goes on as if nothing had been.
  const undo: (() => unknown)[] = [() => inherited?.leave()]
  try {
    const readiness = new Holds()
    if (intercepts) readiness.hold(WAITING)
    const found = inherited !== null ? 'predecessor' : runsBeside ? 'beside' : 'nobody'
    const neighbours = await Neighbours.meet({ options, log, readiness, found })
    const { source, fallbacks, inService } = configuration
    const fatal = (message: string): void => events.fatal(message, log)
    const given = { source, fallbacks, inService, port, log, inherited, neighbours, descriptors }
    const setsUp = intercepts && options.setupInterface
    const coming = setsUp ? { name: options.interfaceName, addresses } : null
    const operator = new Operator()
    const daemon = await openDaemon({ ...given, readiness, fatal, coming, ...operator.counts })
    undo.unshift(
      () => daemon.stop(),
      () => removePidfile(pidfile),
    )
    // What has not been read yet is the predecessor's.
    if (inherited !== null) undo.unshift(() => daemon.stopReading())
    const stopFollowing = configuration.follow(() => daemon.recheck())
    undo.unshift(stopFollowing)
    writePidfile(pidfile, log)
    let interception: Interception | null = null
    if (intercepts) {
      const upstreamKnown = (): boolean => configuration.upstreamKnown(daemon.corefile)
      const zone = clusterZone(daemon)
      // One that serves other addresses gives nothing.
      const takesOver = inherited !== null && inherited.taken > 0
      if (takesOver) await proveUpstream({ daemon, upstreamKnown, zone })
      const inheritsTun = takesOver && options.setupInterface && inherited.hasTun
      const around = { state, inheritsTun, neighbours, descriptors }
      interception = await intercept({ options, daemon, upstreamKnown, zone, log, ...around })
    }
    greet(log, daemon, options)
    const metrics = new MetricsAddress(daemon.http, options.metricsListenAddress, log)
    await metrics.open()
    const opened = { daemon, interception, neighbours, handover, metrics, operator, stopFollowing }
    const service = serviceOf({ options, log, events, ...opened })
    neighbours.follow(daemon, () => void handover.offer(service))
    if (runsBeside) neighbours.otherVersion(false)
    const isFree = await handover.takeOver(daemon)
    neighbours.predecessorLeft()
    if (isFree) await handover.offer(service)
    await operator.open(options, daemon, state, log)
    return service
  } catch (error) {
    for (const step of undo) await step()
    throw error
  }
}

interface Opened {
  readonly options: ServeOptions
  readonly log: DaemonLog
  readonly events: ServeEvents
  readonly daemon: Daemon
  /** Null where the flags leave the node's network alone. */
  readonly interception: Interception | null
  readonly neighbours: Neighbours
  readonly handover: Handover
  /** The process's own. */
  readonly metrics: MetricsAddress
  readonly operator: Operator
  /** Ends following the files that the configuration is made of. */
  readonly stopFollowing: () => void
}

/** All that is open, as signals and a successor see it. */
function serviceOf(opened: Opened): Serving & RunningDaemon {
  const { options, log, daemon, interception, neighbours, stopFollowing } = opened
  const end = async (): Promise<void> => {
    neighbours.conceal()
    await opened.handover.stop()
    removePidfile(options.pidfile)
    await opened.metrics.release()
    await opened.operator.close()
  }
  const stop = async (): Promise<void> => {
    stopFollowing()
    neighbours.leave()
    // Then interface and rules are the other one's as well.
    const isShared = interception !== null && (await neighbours.look())
    if (!isShared) await interception?.withdraw()
    await daemon.stop()
    if (isShared) interception?.leave()
    else await interception?.remove(options.skipTeardown)
    await end()
  }
  return {
    log,
    uncaught: (cause) => uncaught(log, cause),
    reload: () => daemon.reload(),
    async shutdown() {
      interception?.neverBegin()
      neighbours.leave()
      await daemon.lameduck()
      await stop()
    },
    stop,
    held: () => daemon.held(),
    tun: () => interception?.tun ?? null,
    exportCache: () => daemon.exportCache(),
    setSuccessor: (isThere) => neighbours.setSuccessor(isThere),
    otherVersion: () => neighbours.otherVersion(true),
    stopReading() {
      stopFollowing()
      neighbours.conceal()
      interception?.leave()
      return daemon.stopReading()
    },
    drain: () => daemon.drain(),
    handedOver() {
      void end().finally(() => (inPod() ? waitForEnd(log) : opened.events.handedOver(log)))
    },
  }
}

async function openLog({ logFormat, warnings }: ServeOptions): Promise<DaemonLog> {
  const log = await createLog({ format: logFormat })
  for (const warning of warnings) log.warning(warning)
  return log
}

/**
 * The kubelet starts a container that has ended again, and the new process would take over from its
 * own successor. It ends this one when the DaemonSet's new pod is ready.
 */
function waitForEnd(log: DaemonLog): void {
  log.info('Waiting for SIGTERM: a container that ends by itself would be started again')
  // Signal handlers alone do not keep a process alive.
  setInterval(() => {}, 2 ** 30)
}

function greet(log: DaemonLog, daemon: Daemon, options: ServeOptions): void {
  const { quiet, localIps, metricsListenAddress } = options
  const { blocks } = daemon.runtime
  const reachable = openToOthersLine(openToOthers(blocks, localIps, metricsListenAddress))
  if (reachable !== null) log.info(reachable)
  if (quiet) return
  const served = blocks.flatMap(({ keys, addresses }) =>
    keys.flatMap(({ scheme, zone, port }) => {
      const key = `${scheme === 'dns' ? '' : `${scheme}://`}${zone}:${port}`
      return addresses.map((address) => `${key}${address === '' ? '' : ` on ${address}`}`)
    }),
  )
  // Blocks with views may have the same zones.
  for (const line of new Set(served)) log.info(line)
  for (const line of versionLines()) log.info(line)
}
