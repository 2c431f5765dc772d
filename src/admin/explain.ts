import { isSubdomain } from '../corefile/domain-name.ts'
import type { CompiledBlock } from '../daemon/compile.ts'
import type { Daemon } from '../daemon/daemon.ts'
import type { Query } from '../serve/query.ts'
import type { Server } from '../serve/server.ts'
import { typeName } from '../wire/codes.ts'
import type { ExplainedPath, Explanation } from './api.ts'
import { OperatorTarget, operatorQuery } from './dry-query.ts'
import { explainBlock } from './explain-block.ts'
import { AdminError } from './routes.ts'
import { keysOf } from './status.ts'
import { traceQuestion } from './trace.ts'

interface Path {
  readonly listeners: string[]
  readonly server: Server
  /** Null where nobody serves the name. */
  readonly block: CompiledBlock | null
  readonly q: Query
}

/**
 * What would become of a question, asked from this machine: nothing is asked. With `ask` it is asked
 * indeed, where the first listener serves the name, and its steps are noted; one at a time, else
 * AdminError 503.
 *
 * @param name canonical
 */
export async function explain(
  { runtime }: Daemon,
  name: string,
  type: number,
  ask: boolean,
): Promise<Explanation> {
  const paths: Path[] = []
  for (const server of runtime.servers.values()) {
    const { identity } = server
    const target = new OperatorTarget(identity)
    const q = operatorQuery(target, identity, name, type, performance.now())
    const route = server.find(q)
    const block = runtime.blocks.find((one) => one === route) ?? null
    const same = paths.find((path) => path.block === block)
    if (same !== undefined) same.listeners.push(identity.name)
    else paths.push({ listeners: [identity.name], server, block, q })
  }
  const explained = paths.map((path) => explainPath(path, name))
  const serving = paths.find(({ block }) => block !== null) ?? paths[0]
  if (ask && serving === undefined) throw new AdminError(503, 'there is no listener')
  const asked = ask
    ? await traceQuestion({ server: serving!.server, block: serving!.block, name, type })
    : null
  return { name, type: typeName(type), paths: explained, asked }
}

function explainPath({ block, listeners, q }: Path, name: string): ExplainedPath {
  if (block === null) return { listeners, block: null, plugins: [], cached: [], upstreams: [] }
  const { plugins, cached, upstreams } = explainBlock(block, q)
  return {
    listeners,
    block: { keys: keysOf(block), zone: zoneOf(block, name) },
    plugins,
    cached,
    upstreams,
  }
}

/** The longest zone of the block that contains the name. */
function zoneOf({ context }: CompiledBlock, name: string): string {
  const zones = context.zones.filter((zone) => isSubdomain(name, zone))
  return zones.toSorted((a, b) => b.length - a.length)[0] ?? '.'
}
