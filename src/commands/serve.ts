import { rmSync, writeFileSync } from 'node:fs'
import { openConfiguration } from '../daemon/configuration.ts'
import type { Daemon } from '../daemon/daemon.ts'
import { openDaemon } from '../daemon/open.ts'
import type { ServeOptions } from '../daemon/serve-options.ts'
import { DnsletError } from '../lib/errors.ts'
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

/**
 * `dnslet serve`: opens everything and returns once queries are answered. Rejects with what is wrong
 * with the configuration or the system, with nothing left open.
 *
 * @param fatal called when a plugin finds later that the daemon must not go on
 */
export async function serve(
  options: ServeOptions,
  fatal: (message: string, log: DaemonLog) => void,
): Promise<Serving> {
  const log = await createLog({ format: options.logFormat })
  for (const warning of options.warnings) log.warning(warning)
  const configuration = openConfiguration(options, process.env, log)
  const { source, fallbacks, inService } = configuration
  const daemon = await openDaemon({
    source,
    fallbacks,
    inService,
    port: options.port,
    log,
    fatal: (message) => fatal(message, log),
  })
  if (options.pidfile !== '') await writePidfile(options.pidfile, daemon)
  if (!options.quiet) greet(log, daemon)
  const metrics = await openMetrics(options.metricsListenAddress, log)
  const stopFollowing = configuration.follow(() => daemon.recheck())
  const end = async (): Promise<void> => {
    stopFollowing()
    if (options.pidfile !== '') rmSync(options.pidfile, { force: true })
    await metrics?.release()
  }
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
