import { release } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Status } from '../../admin/api.ts'
import { IPVS_LINK } from '../../host/kube-proxy.ts'
import { processesWith, portOwners } from '../../host/port-owner.ts'
import { presenceSockets } from '../../host/presence.ts'
import type { Programs } from '../../host/programs.ts'
import { readProcessStatus } from '../../host/readings/capabilities.ts'
import { readConntrack } from '../../host/readings/conntrack.ts'
import { findDataPlanes } from '../../host/readings/data-plane.ts'
import { readKubeletDns } from '../../host/readings/kubelet.ts'
import { type NetworkView, readNetwork } from '../../host/readings/links.ts'
import { readNetworkCounters } from '../../host/readings/network-counters.ts'
import { lookAtFiles } from '../../host/readings/node-files.ts'
import { mapReading, readNumber, readText, valueOf } from '../../host/readings/reading.ts'
import { listRules, type RuleListing } from '../../host/readings/rule-listing.ts'
import { stateRoot } from '../../host/state-directory.ts'
import { canonicalAddress, parseHostPort } from '../../lib/address.ts'
import { parseResolvConf } from '../../lib/resolv-conf.ts'
import { version } from '../../lib/version.ts'
import type { DoctorOptions } from '../../options/doctor-options.ts'
import { DNS_PORT } from '../../options/serve-options.ts'
import { askDaemon, type AskedDaemon } from './daemon-status.ts'
import type { DaemonProcess, Facts, Listener, Question } from './facts.ts'
import { kubeProxyFacts } from './kube-proxy-facts.ts'
import { findPlace } from './place.ts'
import { probeAll } from './probes/probe-all.ts'
import { knownUpstreams, zoneOf } from './probes/upstreams.ts'

/** The world as `dnslet doctor` sees it. */
export interface GatherParts {
  readonly env: NodeJS.ProcessEnv
  readonly programs: Programs
  /** Milliseconds between two readings of the kernel's counters, at least; for tests. */
  readonly watchMs?: number
}

const INTERFACE = 'nodelocaldns'
/** Milliseconds between two readings of the kernel's counters, at least: faults that go on show within them. */
const WATCH_MS = 2_000

/** Looks at everything, and, unless `quick`, asks. Changes nothing. Never rejects for what is missing. */
export async function gather(options: DoctorOptions, parts: GatherParts): Promise<Facts> {
  const { env, programs, watchMs = WATCH_MS } = parts
  const first = await lookAround(options, parts)
  const { asked, status, rules, resolver, links } = first
  const found = ourAddresses(options, status, rules, links)
  const { addresses } = found
  const network = readNetwork(() => addresses)
  const port = portOf(status, addresses)
  const search = valueOf(resolver)?.search ?? []
  const zone = zoneFor(status, search)
  const question = questionFor(options, zone)
  const place = findPlace({
    env,
    links: links?.links ?? [],
    dataPlanes: first.dataPlanes,
    dnslets: first.processes.length,
    seesKubelet: first.kubelet !== null,
    search,
  })
  const known = knownUpstreams(status, options.upstream, env, zone)
  const before = { conntrack: readConntrack(), counters: readNetworkCounters(port) }
  const began = performance.now()
  const toAsk = {
    addresses,
    port,
    question,
    known,
    place,
    programs,
    rules,
    asked,
    network,
    resolver,
  }
  const probed = options.quick ? nothingAsked : await probeAll(toAsk)
  const kubeProxy = await kubeProxyFacts({ programs, rules, network, addresses, port })
  if (!options.quick) await sleep(Math.max(0, watchMs - (performance.now() - began)))
  const { processes } = first
  return {
    ...found,
    ...probed,
    ...ownSituation(env),
    place,
    isQuick: options.quick,
    daemon: { status: asked.status, socket: asked.socket, processes },
    port,
    interfaceName: interfaceOf(valueOf(network) ?? null),
    network,
    listeners: listenersAt(addresses, port, [status?.pid, ...processes.map(({ pid }) => pid)]),
    rules,
    kubeProxy,
    dataPlanes: first.dataPlanes,
    conntrack: { before: before.conntrack, after: readConntrack() },
    counters: { before: before.counters, after: readNetworkCounters(port) },
    watchedSeconds: (performance.now() - began) / 1000,
    resolver,
    kubelet: first.kubelet,
    question,
  }
}

/** What is to be seen before anything is known. */
interface Look {
  readonly asked: AskedDaemon
  readonly status: Status | null
  readonly processes: readonly DaemonProcess[]
  readonly rules: RuleListing
  readonly resolver: Facts['resolver']
  readonly kubelet: Facts['kubelet']
  readonly links: NetworkView | null
  readonly dataPlanes: Facts['dataPlanes']
}

async function lookAround(options: DoctorOptions, { env, programs }: GatherParts): Promise<Look> {
  const [asked, rules] = await Promise.all([askDaemon(options.socket, env), listRules(programs)])
  const links = valueOf(readNetwork(() => [])) ?? null
  return {
    asked,
    rules,
    links,
    status: valueOf(asked.status) ?? null,
    processes: dnslets(),
    resolver: mapReading(readText('/etc/resolv.conf', '/', 65_536), parseResolvConf),
    kubelet: readKubeletDns(),
    dataPlanes: findDataPlanes(links?.links ?? []),
  }
}

type OwnSituation = Pick<Facts, 'rights' | 'software' | 'files' | 'settings'>

/** Of doctor itself, and of the machine. */
function ownSituation(env: NodeJS.ProcessEnv): OwnSituation {
  const self = readProcessStatus('self')
  return {
    rights: {
      isRoot: process.geteuid?.() === 0,
      capabilities: mapReading(self, ({ capabilities }) => capabilities),
    },
    software: { dnslet: version(), node: process.versions.node, kernel: release() },
    files: lookAtFiles(stateRoot(env)),
    settings: {
      ipForward: readNumber('/proc/sys/net/ipv4/ip_forward'),
      routeLocalnet: readNumber('/proc/sys/net/ipv4/conf/all/route_localnet'),
    },
  }
}

const nothingAsked = { own: null, nameservers: [], upstreams: [], upstreamsLeftOut: 0 } as const

/** dnslets of this network namespace, found without asking them. */
function dnslets(): readonly DaemonProcess[] {
  const inodes = presenceSockets()
  const seen = processesWith(new Set(inodes))
  return inodes.map((inode) => {
    const { pid = null, command = '' } = seen.get(inode) ?? {}
    const status = pid === null ? { why: 'its process is not to be seen' } : readProcessStatus(pid)
    return {
      pid,
      command,
      state: valueOf(status)?.state ?? '',
      capabilities: mapReading(status, ({ capabilities }) => capabilities),
    }
  })
}

function listenersAt(
  addresses: readonly string[],
  port: number,
  dnsletPids: readonly (number | null | undefined)[],
): readonly Listener[] {
  const pids = new Set(dnsletPids)
  return portOwners(addresses, port).map((owner) => ({
    ...owner,
    isDnslet: owner.pid !== null && pids.has(owner.pid),
  }))
}

type Found = Pick<Facts, 'addresses' | 'addressesFrom'>

/** Of those who may know our addresses, the first who does. */
function ourAddresses(
  options: DoctorOptions,
  status: Status | null,
  rules: RuleListing,
  network: NetworkView | null,
): Found {
  const tables = valueOf(rules.nft) ?? []
  const onLinks = network?.held.get(INTERFACE) ?? []
  const sources: readonly (readonly [string, readonly string[]])[] = [
    ['-localip', options.addresses],
    ['the running dnslet', status?.interception.addresses ?? []],
    ['its rules', tables.flatMap(({ addresses }) => addresses)],
    [`link ${INTERFACE}`, onLinks.filter((one) => !/^fe80:/i.test(one))],
  ]
  const [from, addresses] = sources.find(([, all]) => all.length > 0) ?? ['nobody', []]
  return { addressesFrom: from, addresses: [...new Set(addresses.map(canonicalAddress))] }
}

/** The name of the link that has most of our addresses. */
function interfaceOf(network: NetworkView | null): string {
  const found = network?.addresses.find(
    ({ link }) => link !== null && link !== 'lo' && link !== IPVS_LINK,
  )
  return found?.link ?? INTERFACE
}

function portOf(status: Status | null, addresses: readonly string[]): number {
  for (const { address } of status?.listeners ?? []) {
    const at = parseHostPort(address)
    if (typeof at !== 'string' && addresses.includes(at.host)) return at.port
  }
  return DNS_PORT
}

/** The cluster's zone, without a final dot: what a block serves, else what kubelet has pods search. */
function zoneFor(status: Status | null, search: readonly string[]): string {
  const zones = (status?.blocks ?? []).flatMap(({ keys }) => keys.map(zoneOf))
  const searched = search.find((domain) => domain.startsWith('svc.'))?.slice('svc.'.length)
  if (searched !== undefined) return searched.replace(/\.$/, '')
  if (zones.length === 0 || zones.includes('cluster.local')) return 'cluster.local'
  return zones.find((zone) => zone !== '.' && !zone.endsWith('.arpa')) ?? 'cluster.local'
}

function questionFor({ name }: DoctorOptions, zone: string): Question {
  const absolute = name ?? `kubernetes.default.svc.${zone}.`
  return { name: absolute, isCluster: absolute.endsWith(`.${zone}.`) }
}
