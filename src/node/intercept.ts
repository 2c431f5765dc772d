import { isSubdomain } from '../corefile/domain-name.ts'
import type { Daemon } from '../daemon/daemon.ts'
import { Fallback, KUBE_DNS_PODS } from '../host/fallback.ts'
import { Interception } from '../host/interception.ts'
import { type NodeInterface, openInterface } from '../host/interface.ts'
import { detectIpvs, findKubeProxy } from '../host/kube-proxy.ts'
import { interceptionState } from '../host/interception-metrics.ts'
import { hostPrograms, type Programs } from '../host/programs.ts'
import { chooseRules } from '../host/rules/choose-rules.ts'
import { lockFileEnvironment } from '../host/rules/iptables-backend.ts'
import { LateRules, patience } from '../host/rules/late-rules.ts'
import type { Rules, RulesParts } from '../host/rules/rules.ts'
import { findUplinks } from '../host/rules/uplinks.ts'
import { isLinkLocal } from '../lib/address.ts'
import { DnsletError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { ServeOptions } from '../options/serve-options.ts'
import type { Descriptors } from '../sys/descriptors.ts'
import type { Libc } from '../sys/libc.ts'
import { Rtnetlink } from '../sys/rtnetlink.ts'
import type { Neighbours } from './neighbours.ts'
import { lookUpPods, upstreamUnrest } from './pod-lookup.ts'
import { library } from './prepare-node.ts'

/** Where kube-dns and its Services live. */
const NAMESPACE = 'kube-system'

export interface InterceptParts {
  readonly options: ServeOptions
  readonly daemon: Daemon
  /** See Configuration. */
  readonly upstreamKnown: () => boolean
  /** Of the cluster, absolute. */
  readonly zone: string
  readonly log: Log
  /** The state directory, null where there is none. */
  readonly state: string | null
  /** Whether a predecessor intercepts up to now and gives its TUN. */
  readonly inheritsTun: boolean
  readonly neighbours: Pick<Neighbours, 'state' | 'scope' | 'link' | 'ledBy'>
  readonly descriptors: Descriptors
}

/**
 * Sets up interface and rules as the flags say and begins to intercept. Rejects with DnsletError where
 * that cannot be done at all; kube-dns answers then.
 */
export async function intercept(parts: InterceptParts): Promise<Interception> {
  const { options, daemon, upstreamKnown, zone, log, inheritsTun, neighbours } = parts
  const system = library()
  const addresses = withoutIpvs(system, options.localIps, log)
  const pods = `${KUBE_DNS_PODS}.${NAMESPACE}.svc.${zone}`
  const late = patience()
  const rulesParts = await describeRules(parts, system, addresses, late)
  const rules = options.setupIptables ? await rulesFor(parts, rulesParts, late) : null
  const { orphans } = rulesParts
  const fallback =
    orphans.length === 0
      ? null
      : new Fallback({
          stateDirectory: parts.state,
          lookUp: () => lookUpPods(daemon, pods, familiesOf(orphans)),
          orphans,
          unrest: upstreamUnrest,
          log,
        })
  const interception = new Interception({
    libc: system,
    log,
    served: {
      upstreamKnown,
      selfQuery: () => daemon.selfQuery(`kubernetes.default.svc.${zone}`),
      selfCheck: () => daemon.selfCheck(),
    },
    readiness: daemon.readiness,
    rules,
    socketRules: () => chooseRules({ ...rulesParts, interception: 'socket' }),
    openInterface: options.setupInterface
      ? opener(parts, system, addresses, () => rules?.lease ?? 'address')
      : null,
    fallback,
    isAlone: () => orphans.length === addresses.length && fallback?.known.length === 0,
    isShared: () => neighbours.state !== 'nobody',
    syncIntervalMs: options.syncIntervalMs,
  })
  if (addresses.length === options.localIps.length) neighbours.ledBy(interception)
  await interception.start(inheritsTun, inheritsTun || neighbours.state === 'beside')
  return interception
}

/** Beside another one, who fails ends, and that one goes on. Alone it would be the end of addresses that nobody else has. */
async function rulesFor(
  { options, log, inheritsTun, neighbours }: InterceptParts,
  rulesParts: RulesParts,
  late: Promise<unknown>,
): Promise<Rules> {
  const choose = (): Promise<Rules> => chooseRules(rulesParts, !options.setupInterface)
  if (inheritsTun || neighbours.state !== 'nobody') return choose()
  return new LateRules({ choose, placed: (kind) => (interceptionState.rules = kind), late, log })
}

function familiesOf(addresses: readonly string[]): (4 | 6)[] {
  const families = addresses.map((address) => (address.includes(':') ? 6 : 4))
  return [...new Set(families)]
}

/** Those that kube-proxy in IPVS mode does not hold. Throws DnsletError, E_IPVS, where it holds all. */
function withoutIpvs(system: Libc, localIps: readonly string[], log: Log): readonly string[] {
  const rtnetlink = new Rtnetlink(system)
  try {
    const held = detectIpvs(rtnetlink, localIps)
    if (held.length === 0) return localIps
    if (held.length === localIps.length) {
      throw new DnsletError(
        'E_IPVS',
        `Cannot intercept ${held.join(', ')}: kube-proxy in IPVS mode holds it; use -localip ` +
          '169.254.20.10 and make that the name server of pods (kubelet: --cluster-dns)',
      )
    }
    log.warning(
      `kube-proxy in IPVS mode holds ${held.join(', ')}, which cannot be intercepted: ` +
        'clients need the other addresses as their name server (kubelet: --cluster-dns)',
    )
    return localIps.filter((address) => !held.includes(address))
  } finally {
    rtnetlink.close()
  }
}

const CLUSTER_LOCAL = 'cluster.local.'
const notTheClusters = ['in-addr.arpa.', 'ip6.arpa.']

/**
 * The zone that names of Services are in: cluster.local where a block serves it, else the first zone of a
 * block with `health` (installers write zones of others in front, whose servers prove nothing about
 * kube-dns), else the first zone.
 */
export function clusterZone(daemon: Daemon): string {
  const candidates = daemon.runtime.blocks.flatMap(({ context, stages }) =>
    context.zones
      .filter((zone) => zone !== '.' && !notTheClusters.some((parent) => isSubdomain(zone, parent)))
      .map((zone) => ({ zone, isProbed: stages.some(({ name }) => name === 'health') })),
  )
  if (candidates.some(({ zone }) => zone === CLUSTER_LOCAL)) return CLUSTER_LOCAL
  return (candidates.find(({ isProbed }) => isProbed) ?? candidates[0])?.zone ?? CLUSTER_LOCAL
}

async function describeRules(
  { options, descriptors, log, state, neighbours }: InterceptParts,
  system: Libc,
  addresses: readonly string[],
  late: Promise<unknown>,
): Promise<RulesParts> {
  const { port, healthPort } = options
  const programs = hostPrograms(state === null ? {} : await lockFileEnvironment(state))
  const orphans = await findOrphans(programs, addresses, port, late)
  const services = orphans.filter((address) => !isLinkLocal(address))
  if (services.length > 0) {
    log.warning(
      `No rule of kube-proxy leads to ${services.join(', ')}: while dnslet is dead, nobody but known ` +
        'pods of kube-dns answers there',
    )
  }
  return {
    libc: system,
    descriptors,
    log,
    programs,
    addresses,
    orphans,
    port,
    healthPort,
    interception: 'local',
    uplinks: () => uplinks(system),
    scope: neighbours.scope,
  }
}

/**
 * Those of `addresses` that no kube-proxy leads on. No Service has one that is link-local. Where a program hangs or
 * fails, the others are taken for those of Services.
 */
async function findOrphans(
  programs: Programs,
  addresses: readonly string[],
  port: number,
  late: Promise<unknown>,
): Promise<readonly string[]> {
  const orphans = []
  for (const address of addresses) {
    const asked = isLinkLocal(address)
      ? 'none'
      : await Promise.race([findKubeProxy(programs, address, port).catch(() => null), late])
    if (asked === 'none') orphans.push(address)
  }
  return orphans
}

async function uplinks(system: Libc): Promise<readonly string[]> {
  const rtnetlink = new Rtnetlink(system)
  try {
    return await findUplinks(rtnetlink)
  } finally {
    rtnetlink.close()
  }
}

function opener(
  { log, descriptors, neighbours }: InterceptParts,
  system: Libc,
  addresses: readonly string[],
  lease: () => Rules['lease'],
): () => NodeInterface {
  const parts = { libc: system, name: neighbours.link, addresses, descriptors, log }
  return () => openInterface({ ...parts, lease: lease() })
}
