import type { Status } from '../../../admin/api.ts'
import { type Endpoint, joinHostPort, parseHostPort } from '../../../lib/address.ts'
import { Type } from '../../../wire/codes.ts'
import type { Outcome, Question, UpstreamProbe } from '../facts.ts'
import { hasReply } from '../outcomes.ts'
import { type Asked, askOnce, rootServers, tryConnection } from './probe-server.ts'
import { askBurst } from './burst.ts'

/** Asked at most, all at the same time. */
const MAX_UPSTREAMS = 6
/**
 * Queries of a socket each, for each upstream: kube-proxy leads each socket to a pod by chance. Of three pods
 * one that is dead is missed once in 40 times.
 */
const TRIES = { udp: 5, tcp: 4 }

/** An upstream, before it is asked. */
export interface KnownUpstream {
  readonly at: Endpoint
  readonly zones: readonly string[]
  readonly transport: string
  readonly isCluster: boolean
  readonly problem: string | null
  /** What the daemon measures. */
  readonly rttMs: number | null
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
    for (const { address, transport, problem, rttMs } of upstreams) {
      const at = parseHostPort(address.replace(/^[a-z]+:\/\//, ''))
      if (typeof at === 'string') continue
      const before = found.get(address)
      found.set(address, {
        at,
        transport,
        problem: problem ?? before?.problem ?? null,
        rttMs: rttMs ?? before?.rttMs ?? null,
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
      rttMs: null,
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
  const { problem, rttMs, zones } = known
  const server = joinHostPort(at.host, at.port)
  const common = { zones, transport, isCluster, problem, rttMs, server }
  if (transport === 'tls' || transport === 'https') {
    const tries = { answered: 0, sent: 0 }
    return { ...common, udp: null, tcp: await tryConnection(at), burst: null, tries }
  }
  const asked = isCluster ? queryFor(question) : rootServers
  const all = (protocol: 'udp' | 'tcp'): Promise<Outcome[]> =>
    Promise.all(Array.from({ length: TRIES[protocol] }, () => askOnce(at, protocol, asked)))
  const [overUdp, overTcp] = await Promise.all([all('udp'), all('tcp')])
  const [udp, tcp] = [overUdp, overTcp].map(best) as [Outcome, Outcome]
  const burst = isCluster && hasReply(tcp) ? await askBurst(at, question.name) : null
  const outcomes = [...overUdp, ...overTcp]
  const tries = { answered: outcomes.filter(hasReply).length, sent: outcomes.length }
  return { ...common, udp, tcp, burst, tries }
}

/** The quickest answer, else the first failure. */
function best(outcomes: readonly Outcome[]): Outcome {
  const replies = outcomes.filter(hasReply).toSorted((a, b) => a.ms - b.ms)
  return replies[0] ?? outcomes[0]!
}
