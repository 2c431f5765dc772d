import type { Status } from '../../../src/admin/api.ts'
import type {
  Facts,
  Outcome,
  ServerProbe,
  UpstreamProbe,
} from '../../../src/commands/doctor/facts.ts'
import type { Capability } from '../../../src/host/readings/capabilities.ts'
import type { Conntrack } from '../../../src/host/readings/conntrack.ts'
import type { NetworkCounters } from '../../../src/host/readings/network-counters.ts'

export const VIP = '10.96.0.10'
export const LOCAL = '169.254.20.10'
const NAME = 'kubernetes.default.svc.cluster.local.'

/** A reply with an address. */
export const answered: Extract<Outcome, { kind: 'reply' }> = {
  kind: 'reply',
  ms: 0.4,
  rcode: 'NOERROR',
  answers: 1,
  octets: 80,
  truncated: false,
  edns: true,
}

export function failed(how: Extract<Outcome, { kind: 'failure' }>['how']): Outcome {
  return { kind: 'failure', ms: 1_500, how, text: `it was ${how}` }
}

export function server(
  host: string,
  udp: Outcome = answered,
  tcp: Outcome = answered,
): ServerProbe {
  return { server: `${host}:53`, udp, tcp }
}

export function upstream(changes: Partial<UpstreamProbe> = {}): UpstreamProbe {
  return {
    server: '10.96.0.11:53',
    zones: ['cluster.local'],
    transport: 'tcp',
    isCluster: true,
    udp: answered,
    tcp: answered,
    burst: { sent: 16, answered: 16, overtaken: false, ms: 2.5 },
    problem: null,
    tries: { answered: 9, sent: 9 },
    rttMs: 0.5,
    ...changes,
  }
}

export function conntrack(changes: Partial<Record<string, number>> = {}): Conntrack {
  const { count = 1_000, max = 262_144, ...statistics } = changes
  return {
    count: { value: count },
    max: { value: max },
    buckets: { value: 65_536 },
    statistics: { value: new Map(Object.entries(statistics).map(([name, n]) => [name, n ?? 0])) },
  }
}

export function counters(
  changes: Partial<Record<string, number>> = {},
  drops: Partial<Record<string, number>> = {},
  softnet = 0,
): NetworkCounters {
  const entries = (of: Partial<Record<string, number>>): [string, number][] =>
    Object.entries(of).map(([name, n]) => [name, n ?? 0])
  return {
    counters: { value: new Map(entries(changes)) },
    softnetDropped: { value: softnet },
    socketDrops: { value: new Map(entries(drops)) },
  }
}

export const rights: ReadonlySet<Capability> = new Set(['NET_ADMIN', 'NET_BIND_SERVICE', 'NET_RAW'])

/** What a daemon says that is well. */
export function status(changes: Partial<Status> = {}): Status {
  return {
    version: '0.1.0',
    pid: 4711,
    node: 'node-1',
    startedAt: '2026-11-29T10:00:00.000Z',
    now: '2026-11-29T11:00:00.000Z',
    corefile: {
      path: '/etc/Corefile',
      hash: 'abc',
      loadedAt: '2026-11-29T10:00:00.000Z',
      isLastGood: false,
      refused: null,
      refusedKubeDns: null,
    },
    listeners: [{ address: `${VIP}:53`, scheme: 'dns' }],
    interception: {
      state: 'active',
      interface: 'tun',
      rules: 'nft',
      addresses: [LOCAL, VIP],
      reason: null,
    },
    notReady: [],
    blocks: [],
    memory: { rssBytes: 0, limitBytes: null, heapUsedBytes: 0, cacheBytes: 0, cacheLimitBytes: 0 },
    totals: {
      queries: 1_000,
      hits: 900,
      misses: 100,
      staleServed: 0,
      rcodes: {},
      sources: { pods: 900, node: 100 },
      secondsSinceLastClientQuery: 0.2,
    },
    errors: [],
    ...changes,
  }
}

/** A node on which all is well. */
export function healthyFacts(changes: Partial<Facts> = {}): Facts {
  return {
    place: { kind: 'node', signs: ['links of pods'] },
    isQuick: false,
    rights: { isRoot: true, capabilities: { value: rights } },
    software: { dnslet: '0.1.0', node: '24.0.0', kernel: '6.1.0' },
    daemon: {
      status: { value: status() },
      socket: '/run/dnslet/0123456789ab/admin.sock',
      processes: [{ pid: 4711, command: 'dnslet', state: 'S', capabilities: { value: rights } }],
    },
    addresses: [LOCAL, VIP],
    addressesFrom: 'the running dnslet',
    port: 53,
    interfaceName: 'nodelocaldns',
    network: {
      value: {
        links: [
          { name: 'lo', kind: '', up: true, mtu: 65_536 },
          { name: 'nodelocaldns', kind: 'tun', up: true, mtu: 1_500 },
        ],
        addresses: [LOCAL, VIP].map((address) => ({
          address,
          local: true,
          link: 'nodelocaldns',
          lifetime: null,
        })),
        held: new Map([['nodelocaldns', [LOCAL, VIP]]]),
      },
    },
    listeners: [LOCAL, VIP].map((address) => ({
      address,
      pid: 4711,
      command: 'dnslet',
      isDnslet: true,
    })),
    rules: {
      nft: {
        value: [
          {
            name: 'dnslet',
            leased: [LOCAL, VIP],
            addresses: [LOCAL, VIP],
            intercepts: true,
            packets: 10,
          },
        ],
      },
      iptables: { value: [] },
      kubeProxyTable: true,
      programs: ['nftables v1.0.6'],
    },
    kubeProxy: { mode: { value: 'nftables' }, unserved: [], heldByIpvs: [] },
    dataPlanes: [],
    conntrack: { before: conntrack(), after: conntrack() },
    counters: { before: counters(), after: counters() },
    watchedSeconds: 2,
    resolver: {
      value: { nameservers: ['192.0.2.53'], search: [], ndots: 1, options: [], ignored: [] },
    },
    kubelet: null,
    files: {
      tun: { path: '/dev/net/tun', state: 'usable', detail: '' },
      stateDirectory: { path: '/run/dnslet', state: 'usable', detail: '' },
      stateIsMounted: true,
      xtablesLock: { path: '/run/xtables.lock', state: 'usable', detail: '' },
      rootIsReadOnly: true,
    },
    settings: { ipForward: { value: 1 }, routeLocalnet: { value: 0 } },
    question: { name: NAME, isCluster: true },
    own: {
      probes: [server(LOCAL), server(VIP)],
      skipped: [],
      led: { before: 10, after: 14 },
      queries: { before: 1_000, after: 1_004 },
    },
    nameservers: [server('192.0.2.53')],
    upstreams: [upstream()],
    upstreamsLeftOut: 0,
    ...changes,
  }
}
