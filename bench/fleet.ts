import { Resolver } from 'node:dns/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { type Child, type Children, failure, hasEnded } from './children.ts'
import type { Options } from './options.ts'
import { builtins } from './servers/index.ts'
import { nsd } from './servers/nsd.ts'
import { peer } from './servers/peer.ts'
import type { Server } from './servers/server.ts'

/** A server that answers. */
export interface RunningServer {
  readonly server: Server
  readonly child: Child
  /** From starting the process to its first answer. */
  readonly startMilliseconds: number
}

const START_DEADLINE_MS = 15_000

/** Between two probes of a starting server: the resolution of its start time. */
const PROBE_INTERVAL_MS = 2

/** The servers to measure; writes their configurations. Throws Error for none or a port used twice. */
export function servers(options: Options): Server[] {
  const upstreamPort = options.basePort
  const places = { dir: options.dir, upstreamPort }
  const list = Object.entries(builtins).flatMap(([name, build], index) =>
    options.servers.includes(name) ? [build({ ...places, port: upstreamPort + 1 + index })] : [],
  )
  for (const spec of options.peers) list.push(peer(spec, { ...places, port: spec.port }))
  if (list.length === 0) throw new Error('Cannot compare: no server is chosen')
  const ports = new Set([upstreamPort, ...list.map(({ port }) => port)])
  if (ports.size <= list.length) throw new Error('Cannot start two servers on one port')
  return list
}

/** The server behind all others. */
export function upstream(options: Options): Server {
  const port = options.basePort
  return nsd({ dir: options.dir, port, upstreamPort: port })
}

/** Starts a server and waits until it answers. Throws Error with its output if it does not. */
export async function startServer(
  children: Children,
  server: Server,
  dir: string,
  cpu: number,
): Promise<RunningServer> {
  if (await answers(server.port)) {
    throw new Error(`Cannot start ${server.name}: something else answers on port ${server.port}`)
  }
  const { name, argv, env } = server
  const logs = { stdout: join(dir, `${name}.out.log`), stderr: join(dir, `${name}.err.log`) }
  const started = performance.now()
  const child = children.start({ name, argv, env, cpu, ...logs })
  while (!(await answers(server.port))) {
    if (hasEnded(child) || performance.now() - started > START_DEADLINE_MS) throw failure(child)
    await sleep(PROBE_INTERVAL_MS)
  }
  return { server, child, startMilliseconds: performance.now() - started }
}

/** A question that every server can answer only by asking nsd. */
async function answers(port: number): Promise<boolean> {
  const resolver = new Resolver({ timeout: 250, tries: 1 })
  resolver.setServers([`127.0.0.1:${port}`])
  try {
    const addresses = await resolver.resolve4('ready.bench.test')
    return addresses.length > 0
  } catch {
    // Refused, timed out or SERVFAIL: not ready.
    return false
  }
}
