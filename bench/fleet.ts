import { join } from 'node:path'

import { type Child, type Children, failure } from './children.ts'
import type { Options } from './options.ts'
import { claimPort, firstAnswer } from './probe.ts'
import type { UpstreamName } from './scenario.ts'
import { inOrder } from './servers/in-order.ts'
import { builtins } from './servers/index.ts'
import { nsd } from './servers/nsd.ts'
import { peer } from './servers/peer.ts'
import type { Place, Server } from './servers/server.ts'

/** A server that answers. */
export interface RunningServer {
  readonly server: Server
  readonly child: Child
  /** From starting the process to its first answer. */
  readonly startMilliseconds: number
}

const START_DEADLINE_MS = 15_000

/** The servers to measure; writes their configurations. Throws Error for none or a port used twice. */
export function servers(options: Options): [Server, ...Server[]] {
  const places = placesOf(options)
  const list = Object.entries(builtins).flatMap(([name, build], index) =>
    options.servers.includes(name)
      ? [build({ ...places, port: places.upstreamPort + 1 + index })]
      : [],
  )
  for (const spec of options.peers) list.push(peer(spec, { ...places, port: spec.port }))
  const [first, ...rest] = list
  if (first === undefined) throw new Error('Cannot compare: no server is chosen')
  const all = [...list, ...Object.values(upstreams(options))]
  if (new Set(all.map(({ port }) => port)).size < all.length)
    throw new Error('Cannot start two servers on one port')
  return [first, ...rest]
}

/** The servers behind all others. */
export function upstreams(options: Options): Readonly<Record<UpstreamName, Server>> {
  const places = placesOf(options)
  return {
    nsd: nsd({ ...places, port: places.upstreamPort }),
    'in-order': inOrder({ ...places, port: places.inOrderPort }),
  }
}

/** The built-in servers' ports lie between those of the two upstreams. */
function placesOf({ dir, basePort }: Options): Omit<Place, 'port'> {
  const inOrderPort = basePort + 1 + Object.keys(builtins).length
  return { dir, upstreamPort: basePort, inOrderPort }
}

/** Starts a server and waits until it answers. Throws Error with its output if it does not. */
export async function startServer(
  children: Children,
  server: Server,
  dir: string,
  cpu: number,
): Promise<RunningServer> {
  const { name, argv, env, port } = server
  await claimPort(port)
  const logs = { stdout: join(dir, `${name}.out.log`), stderr: join(dir, `${name}.err.log`) }
  const started = performance.now()
  const child = children.start({ name, argv, env, cpu, ...logs })
  const ended = new AbortController()
  child.process.once('exit', () => ended.abort())
  try {
    await firstAnswer(port, AbortSignal.any([ended.signal, AbortSignal.timeout(START_DEADLINE_MS)]))
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error
    throw failure(child)
  }
  return { server, child, startMilliseconds: performance.now() - started }
}
