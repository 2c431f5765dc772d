import { clusterZone, intercept, intercepts, library, startHeir } from './intercept.ts'
import { openConfiguration, type Configuration } from '../source/configuration.ts'
import type { Daemon } from '../daemon/daemon.ts'
import { Handover, type HandoverParts } from './handover.ts'
import { openToOthers, openToOthersLine } from '../daemon/open-to-others.ts'
import { openDaemon } from '../daemon/open.ts'
import { type Neighbourhood, prepareNode } from './prepare-node.ts'
import { proveUpstream } from './prove-upstream.ts'
import type { ServeOptions } from '../options/serve-options.ts'
import { SharedService } from './shared-service.ts'
import { stateIdentity } from './state-identity.ts'
import { type Interception, WAITING } from '../host/interception.ts'
import { type Announcement, announcePresence } from '../host/presence.ts'
import { openStateDirectory } from '../host/state-directory.ts'
import { Holds } from '../lib/holds.ts'
import { uncaught } from '../plugins/prometheus/panics.ts'
import type { Http, HttpLease } from '../lib/http.ts'
import { Descriptors } from '../sys/descriptors.ts'
import { createLog, type DaemonLog } from '../telemetry/log.ts'
import { metricsRoute } from '../telemetry/metrics-route.ts'
import { removePidfile, writePidfile } from './pidfile.ts'
import { versionLines } from '../lib/version.ts'

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
  const descriptors = new Descriptors({ onNode: intercepts(options) })
  const log = await openLog(options)
  startHeir(options, log)
  const state = openState(options, log)
  const configuration = openConfiguration(options, process.env, log, state)
  const handover = Handover.open(state, log)
  await handover?.ask()
  const { daemon, interception, presence, stopFollowing } = await open({
    options,
    configuration,
    handover,
    descriptors,
    state,
    log,
    events,
  })
  greet(log, daemon, options)
  const metrics = await openMetrics(daemon.http, options.metricsListenAddress, log)
  const end = async (): Promise<void> => {
    presence?.stop()
    await handover?.stop()
    removePidfile(options.pidfile)
    await metrics?.release()
  }
  const parts: HandoverParts = {
    tun: () => interception?.tun ?? null,
    onLettingGo() {
      stopFollowing()
      presence?.stop()
      interception?.abandon()
    },
    onOtherVersion: () => shared.begin(true),
    onHandedOver: () => {
      void end().finally(() => (inPod() ? waitForEnd(log) : events.handedOver(log)))
    },
  }
  const gone = (): void => void handover?.offer(daemon, parts)
  const shared = new SharedService(daemon, log, gone, options.reusePort || options.skipTeardown)
  if (presence !== null) presence.onAsked = shared.asked
  daemon.lookForOthers = () => shared.look()
  shared.follow()
  if (handover?.runsBeside === true) shared.begin(false)
  await handover?.takeOver(daemon, parts)
  const stop = async (): Promise<void> => {
    stopFollowing()
    shared.leave()
    // Then interface and rules are the other one's as well.
    const isShared = interception !== null && (await shared.lasts())
    if (!isShared) await interception?.withdraw()
    await daemon.stop()
    if (isShared) interception?.abandon()
    else await interception?.release(options.skipTeardown)
    await end()
  }
  return servingOf(log, daemon, interception, () => shared.leave(), stop)
}

/** What signals can do. */
function servingOf(
  log: DaemonLog,
  daemon: Daemon,
  interception: Interception | null,
  leave: () => void,
  stop: () => Promise<void>,
): Serving {
  return {
    log,
    uncaught: (cause) => uncaught(log, cause),
    reload: () => daemon.reload(),
    async shutdown() {
      interception?.beginNoMore()
      leave()
      await daemon.lameduck()
      await stop()
    },
    stop,
  }
}

function openState(options: ServeOptions, log: DaemonLog): string | null {
  return openStateDirectory({
    env: process.env,
    identity: stateIdentity(options),
    needed: intercepts(options) || inPod(),
    log,
  })
}

async function openLog({ logFormat, warnings }: ServeOptions): Promise<DaemonLog> {
  const log = await createLog({ format: logFormat })
  for (const warning of warnings) log.warning(warning)
  return log
}

interface OpenParts {
  readonly options: ServeOptions
  readonly configuration: Configuration
  readonly handover: Handover | null
  readonly descriptors: Descriptors
  readonly state: string | null
  readonly log: DaemonLog
  readonly events: ServeEvents
}

interface Opened {
  readonly daemon: Daemon
  /** Null where the flags leave the node's network alone. */
  readonly interception: Interception | null
  /** What other dnslet of this node see of us; null where the node is left alone. */
  readonly presence: Announcement | null
  /** Ends following the files that the configuration is made of. */
  readonly stopFollowing: () => void
}

/** Starts the daemon; where that fails, a predecessor goes on as if nothing had been. */
async function open(parts: OpenParts): Promise<Opened> {
  const { options, configuration, handover, descriptors, log, events } = parts
  const { source, fallbacks, inService } = configuration
  const inherited = handover?.inherited ?? null
  const runsBeside = handover?.runsBeside === true
  const intercepting = intercepts(options)
  const readiness = new Holds()
  if (intercepting) readiness.hold(WAITING)
  try {
    const neighbourhood = intercepting
      ? await prepareNode(options, {
          libc: library(),
          log,
          inherits: inherited !== null,
          runsBeside,
        })
      : { isShared: runsBeside, scope: '' }
    const presence = intercepting ? await announce(options, neighbourhood) : null
    const daemon = await openDaemon({
      source,
      fallbacks,
      inService,
      port: options.port,
      log,
      inherited,
      beside: neighbourhood.isShared,
      descriptors,
      readiness,
      fatal: (message) => events.fatal(message, log),
    })
    const stopFollowing = configuration.follow(() => daemon.recheck())
    try {
      if (options.pidfile !== '') writePidfile(options.pidfile)
      const opened = { daemon, presence, stopFollowing }
      if (!intercepting) return { ...opened, interception: null }
      // A predecessor that serves other addresses gives nothing.
      const predecessor = inherited !== null && inherited.taken > 0 ? inherited : null
      if (predecessor !== null) {
        const upstreamKnown = (): boolean => configuration.upstreamKnown(daemon.corefile)
        await proveUpstream({ daemon, upstreamKnown, zone: clusterZone(daemon) })
      }
      const inheritsTun = options.setupInterface && predecessor?.hasTun === true
      const interception = await intercept({ ...parts, daemon, inheritsTun, neighbourhood })
      return { ...opened, interception }
    } catch (error) {
      stopFollowing()
      // What has not been read yet is the predecessor's.
      if (inherited !== null) await daemon.letGo()
      await daemon.stop()
      removePidfile(options.pidfile)
      throw error
    }
  } catch (error) {
    handover?.abandon()
    throw error
  }
}

function announce(
  { localIps, port, interfaceName }: ServeOptions,
  { scope }: Neighbourhood,
): ReturnType<typeof announcePresence> {
  return announcePresence({ addresses: localIps, port, interfaceName, scope })
}

function inPod(): boolean {
  return process.env['KUBERNETES_SERVICE_HOST'] !== undefined
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

/** The process's own metrics; as in node-cache, serving DNS does not depend on them. */
async function openMetrics(http: Http, address: string, log: DaemonLog): Promise<HttpLease | null> {
  try {
    return await http.acquire(address, { '/metrics': metricsRoute })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    log.error(`Failed to start metrics handler: ${reason}`)
    return null
  }
}

function greet(log: DaemonLog, daemon: Daemon, options: ServeOptions): void {
  const { quiet, localIps, metricsListenAddress } = options
  const { blocks } = daemon.runtime
  const reachable = openToOthersLine(openToOthers(blocks, localIps, metricsListenAddress))
  if (reachable !== null) log.info(reachable)
  if (quiet) return
  for (const { keys, addresses } of blocks) {
    for (const { zone, port } of keys) {
      for (const address of addresses) {
        log.info(`${zone}:${port}${address === '' ? '' : ` on ${address}`}`)
      }
    }
  }
  for (const line of versionLines()) log.info(line)
}
