import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { CorefileSource } from '../daemon/corefile-source.ts'
import type { Daemon } from '../daemon/daemon.ts'
import { Handover } from '../daemon/handover.ts'
import { openDaemon } from '../daemon/open.ts'
import type { ServeOptions } from '../daemon/serve-options.ts'
import { DnsletError } from '../lib/errors.ts'
import { knownDirectives } from '../plugins/index.ts'
import { uncaught } from '../plugins/prometheus/panics.ts'
import { acquire, type HttpLease } from '../telemetry/http.ts'
import { createLog, type DaemonLog } from '../telemetry/log.ts'
import { metricsRoute } from '../telemetry/metrics-route.ts'
import { versionLines } from './version.ts'

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
 */
export async function serve(options: ServeOptions, events: ServeEvents): Promise<Serving> {
  const log = await createLog({ format: options.logFormat })
  for (const warning of options.warnings) log.warning(warning)
  const handover = Handover.open(process.env, log)
  await handover?.ask()
  const daemon = await open(options, log, events, handover)
  if (!options.quiet) greet(log, daemon)
  const metrics = await openMetrics(options.metricsListenAddress, log)
  const end = async (): Promise<void> => {
    await handover?.stop()
    if (options.pidfile !== '') removePidfile(options.pidfile)
    await metrics?.release()
  }
  const onHandedOver = (): void => {
    void end().finally(() => (inPod() ? waitForEnd(log) : events.handedOver(log)))
  }
  await handover?.takeOver(daemon, { tun: () => null, onHandedOver })
  return {
    log,
    uncaught: (cause) => uncaught(log, cause),
    reload: () => daemon.reload(),
    async shutdown() {
      await daemon.shutdown()
      await end()
    },
    async stop() {
      await daemon.stop()
      await end()
    },
  }
}

/** Starts the daemon; where that fails, a predecessor goes on as if nothing had been. */
async function open(
  options: ServeOptions,
  log: DaemonLog,
  events: ServeEvents,
  handover: Handover | null,
): Promise<Daemon> {
  try {
    const daemon = await openDaemon({
      source: new CorefileSource(options.conf, {
        directives: knownDirectives,
        env: process.env,
        warn: (message) => log.warning(message),
      }),
      port: options.port,
      log,
      inherited: handover?.inherited ?? null,
      fatal: (message) => events.fatal(message, log),
    })
    if (options.pidfile !== '') await writePidfile(options.pidfile, daemon)
    return daemon
  } catch (error) {
    handover?.abandon()
    throw error
  }
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

/** Leaves the file alone where a successor has written its own number into it. */
function removePidfile(path: string): void {
  try {
    if (readFileSync(path, 'utf8').trim() === String(process.pid)) rmSync(path)
  } catch {
    // It is gone already.
  }
}

async function writePidfile(path: string, daemon: Daemon): Promise<void> {
  try {
    writeFileSync(path, `${process.pid}\n`, { mode: 0o644 })
  } catch (cause) {
    await daemon.stop()
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DnsletError('E_PIDFILE', `Cannot write the pid file ${path}: ${reason}`, { cause })
  }
}

/** The process's own metrics; as in node-cache, serving DNS does not depend on them. */
async function openMetrics(address: string, log: DaemonLog): Promise<HttpLease | null> {
  try {
    return await acquire(address, { '/metrics': metricsRoute })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    log.error(`Failed to start metrics handler: ${reason}`)
    return null
  }
}

function greet(log: DaemonLog, daemon: Daemon): void {
  for (const { keys, addresses } of daemon.runtime.blocks) {
    for (const { zone, port } of keys) {
      for (const address of addresses) {
        log.info(`${zone}:${port}${address === '' ? '' : ` on ${address}`}`)
      }
    }
  }
  for (const line of versionLines()) log.info(line)
}
