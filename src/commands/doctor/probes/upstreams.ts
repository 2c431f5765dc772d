import type { Status } from '../../../admin/api.ts'
import { type Endpoint, joinHostPort, parseHostPort } from '../../../lib/address.ts'
import { Type } from '../../../wire/codes.ts'
import type { Question, UpstreamProbe } from '../facts.ts'
import { hasReply } from '../outcomes.ts'
import { type Asked, askServer, rootServers, tryConnection } from './ask-server.ts'
import { askBurst } from './burst.ts'

/** Asked at most, all at the same time. */
const MAX_UPSTREAMS = 6

/** An upstream, before it is asked. */
export interface KnownUpstream {
  readonly at: Endpoint
  readonly zones: readonly string[]
  readonly transport: string
  readonly isCluster: boolean
  readonly problem: string | null
}

/** The cluster's name question, as a query. */
export function queryFor({ name }: Question): Asked {
  return { name, type: Type.A, recurse: true }
}

/**
 * Whom the daemon asks, each once, those of the cluster first; and who was named. Where the daemon could not
 * be asked, the upstream Service of its environment.
 *
 * @param zone the cluster's, without a final dot
 */
export function knownUpstreams(
  status: Status | null,
  named: Endpoint | null,
  env: NodeJS.ProcessEnv,
  zone: string,
): readonly KnownUpstream[] {
  const found = new Map<string, KnownUpstream>()
  const blocks = status?.blocks ?? []
  const hasCluster = blocks.some(({ keys }) => keys.some((key) => zoneOf(key) === zone))
  for (const { keys, upstreams } of blocks) {
    const zones = keys.map(zoneOf)
    const isCluster = hasCluster ? zones.includes(zone) : zones.includes('.')
    for (const { address, transport, problem } of upstreams) {
      const at = parseHostPort(address.replace(/^[a-z]+:\/\//, ''))
      if (typeof at === 'string') continue
      const before = found.get(address)
      found.set(address, {
        at,
        transport,
        problem: problem ?? before?.problem ?? null,
        zones: [...new Set([...(before?.zones ?? []), ...zones])],
        isCluster: isCluster || before?.isCluster === true,
      })
    }
  }
  const more = named ?? (blocks.length === 0 ? upstreamService(env) : null)
  if (more !== null) {
    const key = joinHostPort(more.host, more.port)
    found.set(key, {
      at: more,
      zones: [],
      transport: '',
      problem: null,
      ...found.get(key),
      isCluster: true,
    })
  }
  return [...found.values()].toSorted((a, b) => Number(b.isCluster) - Number(a.isCluster))
}

function upstreamService(env: NodeJS.ProcessEnv): Endpoint | null {
  const host = env['KUBE_DNS_UPSTREAM_SERVICE_HOST'] ?? ''
  const at = parseHostPort(joinHostPort(host, 53))
  return host === '' || typeof at === 'string' ? null : at
}

/** `cluster.local` of `dns://cluster.local.:53`; `.` of `.:53`. */
export function zoneOf(key: string): string {
  const zone = key.replace(/^[a-z0-9]+:\/\//, '').replace(/:\d+$/, '')
  return zone === '.' ? zone : zone.replace(/\.$/, '').toLowerCase()
}

/** Asks them, as many as there is room for. Never rejects. */
export async function probeUpstreams(
  all: readonly KnownUpstream[],
  question: Question,
): Promise<{ readonly probes: readonly UpstreamProbe[]; readonly leftOut: number }> {
  const probes = await Promise.all(
    all.slice(0, MAX_UPSTREAMS).map((one) => probeOne(one, question)),
  )
  return { probes, leftOut: Math.max(0, all.length - MAX_UPSTREAMS) }
}

async function probeOne(known: KnownUpstream, question: Question): Promise<UpstreamProbe> {
  const { at, isCluster, transport } = known
  const { zones, problem } = known
  const common = { zones, transport, isCluster, problem, server: joinHostPort(at.host, at.port) }
  if (transport === 'tls' || transport === 'https') {
    return { ...common, udp: null, tcp: await tryConnection(at), burst: null }
  }
  const { udp, tcp } = await askServer(at, isCluster ? queryFor(question) : rootServers)
  const burst = isCluster && hasReply(tcp) ? await askBurst(at, question.name) : null
  return { ...common, udp, tcp, burst }
}
