import { isIP } from 'node:net'
import { FallbackTargets, KUBE_DNS_PODS } from '../host/fallback-targets.ts'
import { Interception } from '../host/interception.ts'
import { type NodeInterface, openInterface } from '../host/interface.ts'
import { detectIpvs, findKubeProxy } from '../host/kube-proxy.ts'
import { hostPrograms } from '../host/programs.ts'
import { chooseRules } from '../host/rules/choose-rules.ts'
import { lockFileEnvironment } from '../host/rules/iptables-backend.ts'
import type { Rules, RulesParts } from '../host/rules/rules.ts'
import { findUplinks } from '../host/rules/uplinks.ts'
import { DnsletError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { Descriptors } from '../sys/descriptors.ts'
import { type Libc, libc } from '../sys/libc.ts'
import { startMemoryHeir } from '../sys/memory-heir.ts'
import { Rtnetlink } from '../sys/rtnetlink.ts'
import type { SyscallError } from '../sys/socket.ts'
import type { Configuration } from '../source/configuration.ts'
import type { Daemon } from '../daemon/daemon.ts'
import { lookUpPods, upstreamUnrest } from './pod-lookup.ts'
import { type Neighbourhood, scopedName } from './prepare-node.ts'
import type { ServeOptions } from '../options/serve-options.ts'

/** Where kube-dns and its Services live. */
const NAMESPACE = 'kube-system'

/** Whether these flags change the node's network. */
export function intercepts({ setupInterface, setupIptables }: ServeOptions): boolean {
  return setupInterface || setupIptables
}

/** Sees to it that this process closes what it has open at once when it is killed (memory-heir.ts). */
export function startHeir(options: ServeOptions, log: Log): void {
  const { libc: system } = libc()
  if (!intercepts(options) || system === null) return
  try {
    startMemoryHeir(system)
  } catch (cause) {
    log.warning(
      `No process inherits the memory (${(cause as SyscallError).message}): should dnslet be killed, ` +
        'kube-dns answers some milliseconds later',
    )
  }
}

export interface InterceptParts {
  readonly options: ServeOptions
  readonly daemon: Daemon
  readonly configuration: Configuration
  readonly log: Log
  /** The state directory, null where there is none. */
  readonly state: string | null
  /** Whether a predecessor intercepts up to now and gives its TUN. */
  readonly inheritsTun: boolean
  readonly neighbourhood: Neighbourhood
  readonly descriptors: Descriptors
}

/**
 * Sets up interface and rules as the flags say and begins to intercept. Rejects with DnsletError where
 * that cannot be done at all; kube-dns answers then.
 */
export async function intercept(parts: InterceptParts): Promise<Interception> {
  const { options, daemon, configuration, log, inheritsTun, neighbourhood } = parts
  const system = library()
  let begun: Interception | null = null
  const addresses = withoutIpvs(system, options.localIps, log)
  const leavesSome = addresses.length < options.localIps.length
  daemon.othersMayAnswer = () => leavesSome || begun?.leadsAll !== true
  const zone = clusterZone(daemon)
  const pods = `${KUBE_DNS_PODS}.${NAMESPACE}.svc.${zone}`
  const rulesParts = await describeRules(parts, system, addresses)
  const rules = options.setupIptables
    ? await chooseRules(rulesParts, !options.setupInterface)
    : null
  const interception = new Interception({
    libc: system,
    log,
    served: {
      upstreamKnown: () => configuration.upstreamKnown(daemon.corefile),
      selfQuery: () => daemon.selfQuery(`kubernetes.default.svc.${zone}`),
      selfCheck: () => daemon.selfCheck(),
    },
    readiness: daemon.readiness,
    rules,
    socketRules: () => chooseRules({ ...rulesParts, interception: 'socket' }),
    openInterface: options.setupInterface
      ? opener(parts, system, addresses, rules?.lease ?? 'address')
      : null,
    fallback:
      rulesParts.orphans.length === 0
        ? null
        : new FallbackTargets({
            stateDirectory: parts.state,
            lookUp: () => lookUpPods(daemon, pods, familiesOf(rulesParts.orphans)),
            orphans: rulesParts.orphans,
            log,
          }),
    unrest: upstreamUnrest,
    isShared: () => daemon.sharesSockets,
    syncIntervalMs: options.syncIntervalMs,
  })
  begun = interception
  await interception.start(inheritsTun, inheritsTun || neighbourhood.isShared)
  return interception
}

function familiesOf(addresses: readonly string[]): (4 | 6)[] {
  const families = addresses.map((address) => (address.includes(':') ? 6 : 4))
  return [...new Set(families)]
}

/** Throws DnsletError, E_NO_LIBC. */
export function library(): Libc {
  const loaded = libc()
  if (loaded.libc !== null) return loaded.libc
  const reason = `Cannot set up the node: ${loaded.reason}`
  throw new DnsletError('E_NO_LIBC', `${reason}; use -setupinterface=false -setupiptables=false`)
}

/** Those that kube-proxy in IPVS mode does not hold. Throws DnsletError, E_IPVS, where that is none. */
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

/** The zone that names of Services are in: that of the first block, cluster.local for the root. */
export function clusterZone(daemon: Daemon): string {
  const [block] = daemon.runtime.blocks
  const zone = block?.context.zones[0] ?? '.'
  return zone === '.' ? 'cluster.local.' : zone
}

async function describeRules(
  { options, descriptors, log, state, neighbourhood }: InterceptParts,
  system: Libc,
  addresses: readonly string[],
): Promise<RulesParts> {
  const { port, healthPort } = options
  const programs = hostPrograms(state === null ? {} : await lockFileEnvironment(state))
  const orphans = []
  for (const address of addresses) {
    const found = await findKubeProxy(programs, address, port)
    if (found === 'none') orphans.push(address)
  }
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
    scope: neighbourhood.scope,
  }
}

async function uplinks(system: Libc): Promise<readonly string[]> {
  const rtnetlink = new Rtnetlink(system)
  try {
    return await findUplinks(rtnetlink)
  } finally {
    rtnetlink.close()
  }
}

function isLinkLocal(address: string): boolean {
  return isIP(address) === 4 ? address.startsWith('169.254.') : /^fe[89ab]/i.test(address)
}

function opener(
  { options, log, descriptors, neighbourhood }: InterceptParts,
  system: Libc,
  addresses: readonly string[],
  lease: Rules['lease'],
): () => NodeInterface {
  const name = scopedName(options.interfaceName, neighbourhood.scope)
  const parts = { libc: system, name, addresses, lease, descriptors, log }
  return () => openInterface(parts)
}
