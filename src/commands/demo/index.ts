import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Daemon } from '../../daemon/daemon.ts'
import { openDaemon, type OpenParts } from '../../daemon/open.ts'
import { uncaught } from '../../daemon/panics.ts'
import { StateFile } from '../../host/state-directory.ts'
import { packageFile } from '../../lib/package-file.ts'
import { version } from '../../lib/version.ts'
import { Operator } from '../../node/operator.ts'
import type { Serving } from '../../node/serve.ts'
import { readNameservers } from '../../plugins/forward/nameservers.ts'
import { knownDirectives } from '../../plugins/index.ts'
import { CorefileSource } from '../../source/corefile-source.ts'
import { createLog, type DaemonLog } from '../../telemetry/log.ts'
import { registeredMetrics } from '../../telemetry/metrics.ts'
import { figuresLine, readFigures, since } from './figures.ts'
import { freePort } from './free-port.ts'
import { guide } from './guide.ts'
import type { InOrderServer } from './in-order-server.ts'
import { Screen } from './screen.ts'
import { startStandIn } from './stand-in.ts'

const ADDRESS = '127.0.0.1'
/** Those of the official manifest, while they are free. */
const METRICS_PORT = 9253
const HEALTH_PORT = 8080

/** How often the live line is brought up to date: on a terminal, and as lines of a log. */
const LIVE_MS = 250
const LOG_MS = 5_000

/** Where the system keeps its name servers (resolv.conf(5)). */
const RESOLV_CONF = '/etc/resolv.conf'

const corefile = packageFile('Corefile.example')

/**
 * `dnslet demo`: the daemon with Corefile.example on 127.0.0.1:`port`, and in place of kube-dns a small
 * authoritative server in the same process. Names outside the cluster go to the system's resolvers.
 * Port 0 lets the kernel choose one. Returns once it answers and has said what to try. Rejects with nothing left open.
 */
export async function demo(port: number): Promise<Serving> {
  const screen = new Screen(process.stdout)
  const log = await createLog({ format: 'text', stream: screen.stream() })
  const servers = systemServers()
  const metrics = `${ADDRESS}:${await freePort(ADDRESS, METRICS_PORT)}`
  const health = `${ADDRESS}:${await freePort(ADDRESS, HEALTH_PORT)}`
  // Each server block would get a port of its own for 0.
  const chosen = port === 0 ? await freePort(ADDRESS, 0) : port
  const standIn = await startStandIn()
  const operator = new Operator()
  const kubeDns = `${standIn.address}:${standIn.port}`
  const env = {
    LOCAL_DNS: ADDRESS,
    CLUSTER_DNS: kubeDns,
    UPSTREAM_DNS: servers.length === 0 ? kubeDns : RESOLV_CONF,
    METRICS_ADDRESS: metrics,
    HEALTH_ADDRESS: health,
  }
  const daemon = await startDaemon({ port: chosen, log, ...operator.counts }, standIn, env)
  const folder = makeFolder()
  const options = { adminHttp: true, intercepts: false, localIps: [] }
  await operator.open(options, daemon, folder, log)
  const socket = folder === null ? null : join(folder, StateFile.Admin)
  const places = { version: version(), address: ADDRESS, port: chosen, standIn: kubeDns, socket }
  screen.print(`${guide({ ...places, nameServers: servers, metrics, health })}\n`)
  const endFigures = showFigures(screen)
  const stop = async (end: () => Promise<void>): Promise<void> => {
    endFigures()
    await operator.close()
    if (folder !== null) rmSync(folder, { recursive: true, force: true })
    await end()
    await standIn.stop()
  }
  return {
    log,
    uncaught: (cause) => uncaught(log, cause),
    reload: () => daemon.reload(),
    shutdown: () => stop(() => daemon.lameduck().then(() => daemon.stop())),
    stop: () => stop(() => daemon.stop()),
  }
}

/** Of this user alone, for the admin socket; null where there can be none. */
function makeFolder(): string | null {
  try {
    return mkdtempSync(join(tmpdir(), 'dnslet-demo-'))
  } catch {
    return null
  }
}

/** The system's name servers; none where its file is missing or names none. */
function systemServers(): readonly string[] {
  try {
    return readNameservers(RESOLV_CONF).map(({ host }) => host)
  } catch {
    return []
  }
}

async function startDaemon(
  parts: Omit<OpenParts, 'source' | 'fatal' | 'log'> & { readonly log: DaemonLog },
  standIn: InOrderServer,
  env: Readonly<Record<string, string>>,
): Promise<Daemon> {
  const { log } = parts
  const source = new CorefileSource(corefile, {
    directives: knownDirectives,
    env,
    warn: (message) => log.warning(message),
  })
  const fatal = (message: string): void => log.fatal(message)
  try {
    return await openDaemon({ ...parts, source, fatal })
  } catch (error) {
    await standIn.stop()
    throw error
  }
}

/** Keeps the live line up to date, counting from now on; the result ends that. */
function showFigures(screen: Screen): () => void {
  const metrics = registeredMetrics()
  const start = readFigures(metrics)
  const show = (): void => screen.show(figuresLine(since(start, readFigures(metrics))))
  show()
  const timer = setInterval(show, screen.isLive ? LIVE_MS : LOG_MS)
  return () => {
    clearInterval(timer)
    show()
    screen.end()
  }
}
