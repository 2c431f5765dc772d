import type { PageData } from '../../../src/admin/page/render.ts'
import type {
  BlockStatus,
  SeenQuery,
  Status,
  Top,
  Traffic,
  TrafficStep,
} from '../../../src/admin/api.ts'
import { TIME_BUCKETS } from '../../../src/lib/counters.ts'
import type { UpstreamState } from '../../../src/serve/inspection.ts'

/** The time at which all fixtures are looked at. */
const NOW = '2026-11-29T03:12:45.210Z'
const STEP_S = 5

/** An ISO time so many seconds before. */
export function ago(seconds: number): string {
  return new Date(Date.parse(NOW) - seconds * 1_000).toISOString()
}

export function upstream(address: string, more: Partial<UpstreamState> = {}): UpstreamState {
  return {
    address,
    transport: 'tcp',
    problem: null,
    connections: 2,
    inFlight: 0,
    rttMs: 1.42,
    answers: 48_213,
    failures: 0,
    lastFailure: null,
    ...more,
  }
}

export function block(keys: readonly string[], more: Partial<BlockStatus> = {}): BlockStatus {
  return {
    keys,
    view: '',
    plugins: ['prometheus', 'errors', 'loop', 'cache', 'forward'].map((name) => ({
      name,
      lines: [],
    })),
    cache: {
      success: { entries: 1_204, capacity: 9_984 },
      denial: { entries: 3_870, capacity: 9_984 },
      bytes: 1_650_000,
    },
    upstreams: [upstream('10.96.0.11:53')],
    ...more,
  }
}

const blocks: readonly BlockStatus[] = [
  block(['cluster.local:53'], {
    upstreams: [upstream('10.96.0.11:53', { connections: 3, inFlight: 2, answers: 1_284_213 })],
  }),
  block(['in-addr.arpa:53', 'ip6.arpa:53'], {
    cache: {
      success: { entries: 12, capacity: 9_984 },
      denial: { entries: 40, capacity: 9_984 },
      bytes: 14_000,
    },
    upstreams: [upstream('10.96.0.11:53', { connections: 1, answers: 412, rttMs: 1.7 })],
  }),
  block(['.:53'], {
    cache: {
      success: { entries: 9_984, capacity: 9_984 },
      denial: { entries: 611, capacity: 9_984 },
      bytes: 4_900_000,
    },
    upstreams: [
      upstream('192.168.10.2:53', { transport: 'udp', rttMs: 11.8, inFlight: 1, answers: 220_118 }),
      upstream('192.168.10.3:53', {
        transport: 'udp',
        rttMs: 14.2,
        answers: 9_120,
        failures: 3,
        lastFailure: { what: 'no answer within 1.1 s', agoMs: 5_520_000 },
      }),
    ],
  }),
]

const status: Status = {
  version: '0.1.0',
  pid: 1,
  node: 'worker-7.eu-west',
  startedAt: ago(291_600),
  now: NOW,
  corefile: {
    path: '/etc/dnslet/Corefile',
    hash: '5a0b4a2f63c1de00'.repeat(8),
    loadedAt: ago(8_100),
    isLastGood: false,
    refused: null,
    refusedKubeDns: null,
  },
  listeners: ['169.254.20.10:53', '10.96.0.10:53'].map((address) => ({ address, scheme: 'dns' })),
  interception: {
    state: 'active',
    interface: 'tun',
    rules: 'nft',
    addresses: ['169.254.20.10', '10.96.0.10'],
    reason: null,
  },
  notReady: [],
  blocks,
  memory: {
    rssBytes: 94_400_000,
    limitBytes: null,
    heapUsedBytes: 17_300_000,
    cacheBytes: 6_600_000,
    cacheLimitBytes: 52_428_800,
  },
  totals: {
    queries: 41_228_930,
    hits: 38_540_200,
    misses: 2_688_730,
    staleServed: 212,
    rcodes: { NOERROR: 21_400_100, NXDOMAIN: 19_826_512, SERVFAIL: 2_210, REFUSED: 108 },
    sources: { pod: 40_120_300, node: 1_108_200, other: 430 },
    secondsSinceLastClientQuery: 0.02,
  },
  errors: [
    {
      at: ago(5_520),
      first: ago(5_520),
      count: 1,
      level: 'warning',
      text: 'upstream 192.168.10.3:53 does not answer: no answer within 1.1 s',
    },
  ],
}

/** How many of a hundred queries end in each latency bucket: hits, misses to the cluster, misses beyond. */
const SHAPE = [900, 31, 9, 14, 16, 11, 7, 6, 3, 1.4, 0.6, 0.25, 0.1, 0, 0, 0, 0]

/** Numbers in [0, 1) that are the same each time. */
function repeatable(seed: number): () => number {
  let state = seed
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647
}

export function step(index: number, from: number, more: Partial<TrafficStep> = {}): TrafficStep {
  const random = repeatable(index + 77)
  const rate = 240 + 60 * Math.sin(index / 7) + 40 * random() + (index % 12 === 0 ? 90 : 0)
  const queries = Math.round(rate * STEP_S)
  const latency = SHAPE.map((share) =>
    Math.floor((queries * share) / 1_000 + random() * (share > 0 ? 0.9 : 0)),
  )
  latency[0]! += queries - latency.reduce((sum, times) => sum + times, 0)
  return {
    at: ago(from),
    queries,
    hits: Math.round(queries * (0.92 + 0.03 * random())),
    rcodes: { NOERROR: Math.round(queries * 0.55), NXDOMAIN: queries - Math.round(queries * 0.55) },
    latency,
    ...more,
  }
}

export function trafficOf(
  length: number,
  change: (step: TrafficStep, index: number) => TrafficStep = (one) => one,
): Traffic {
  const steps = Array.from({ length }, (_, i) => change(step(i, (length - i) * STEP_S), i))
  return { stepSeconds: STEP_S, bounds: TIME_BUCKETS, steps, total: step(0, 0) }
}

const top: Top = {
  since: ago(142),
  queries: 35_210,
  names: [
    ['checkout.shop.svc.cluster.local.', 5_120],
    ['api.github.com.', 2_402],
    ['redis-master.session-store.svc.cluster.local.', 2_210],
    ['kafka-bootstrap.streaming.svc.cluster.local.', 1_822],
    ['otel-collector.observability.svc.cluster.local.', 1_310],
    ['s3.eu-west-1.amazonaws.com.', 960],
    ['kubernetes.default.svc.cluster.local.', 411],
  ].map(([name, times], i) => ({
    name: String(name),
    count: Number(times),
    error: i > 3 ? 12 : 0,
  })),
  nxdomainNames: [
    ['api.github.com.shop.svc.cluster.local.', 2_402],
    ['api.github.com.svc.cluster.local.', 2_402],
    ['api.github.com.cluster.local.', 2_398],
    ['s3.eu-west-1.amazonaws.com.backup.svc.cluster.local.', 960],
    ['s3.eu-west-1.amazonaws.com.svc.cluster.local.', 958],
  ].map(([name, times]) => ({ name: String(name), count: Number(times), error: 0 })),
  clients: [
    ['10.244.3.17', 'shop/checkout-7d9fbb4b8c-x2x9p', 9_120],
    ['10.244.3.22', 'shop/cart-5f8b7d6c9-kq8zl', 6_004],
    ['10.244.3.9', 'streaming/consumer-0', 5_310],
    ['10.244.3.31', 'backup/nightly-28912345-vv7tm', 4_760],
    ['192.168.10.107', '', 1_002],
  ].map(([address, pod, times]) => ({
    address: String(address),
    pod: String(pod),
    count: Number(times),
    error: 0,
  })),
}

export function seen(index: number, more: Partial<SeenQuery> = {}): SeenQuery {
  return {
    at: ago(1 + index * 3),
    client: '10.244.3.17',
    pod: 'shop/checkout-7d9fbb4b8c-x2x9p',
    protocol: 'udp',
    name: 'checkout.shop.svc.cluster.local.',
    type: 'A',
    rcode: 'NOERROR',
    milliseconds: 0.04,
    plugin: 'cache',
    isStale: false,
    upstream: '',
    ...more,
  }
}

const ordinary = Array.from({ length: 256 }, (_, i) => seen(i))

/** Two hundred and forty queries a second, and nothing to complain about. */
export const healthy: PageData = {
  status,
  traffic: trafficOf(120),
  top,
  queries: [
    ...ordinary.slice(0, 250),
    seen(251, {
      name: 'license.vendor.example.',
      type: 'AAAA',
      milliseconds: 412,
      plugin: 'forward',
      upstream: '192.168.10.2:53',
      pod: 'backup/nightly-28912345-vv7tm',
      client: '10.244.3.31',
    }),
  ],
}

/** The daemon does not answer itself: kube-dns does. */
export const suspended: PageData = {
  ...healthy,
  status: {
    ...status,
    interception: {
      ...status.interception,
      state: 'suspended',
      reason:
        'self-query for kubernetes.default.svc.cluster.local. over 127.0.0.1: no answer within 1 s',
    },
    notReady: ['Interception is suspended'],
    corefile: { ...status.corefile, isLastGood: true },
    totals: { ...status.totals, secondsSinceLastClientQuery: 31 },
    errors: [
      {
        at: ago(31),
        first: ago(2_431),
        count: 7,
        level: 'error',
        text: 'Interception is suspended: self-query for kubernetes.default.svc.cluster.local. over 127.0.0.1: no answer within 1 s',
      },
      {
        at: ago(62),
        first: ago(62),
        count: 1,
        level: 'error',
        text: 'Cannot load /etc/dnslet/Corefile: line 12: unknown directive "foward", did you mean "forward"? The configuration of 00:57:45 goes on',
      },
      ...status.errors,
    ],
  },
  traffic: trafficOf(120, (one, i) =>
    i < 114 ? one : { ...one, queries: 0, hits: 0, rcodes: {}, latency: one.latency.map(() => 0) },
  ),
}

/** kube-dns is gone for two minutes, one of the node's resolvers is slow. */
export const deadUpstream: PageData = {
  ...healthy,
  status: {
    ...status,
    blocks: [
      {
        ...blocks[0]!,
        upstreams: [
          upstream('10.96.0.11:53', {
            problem: 'three probes in a row without an answer',
            connections: 0,
            inFlight: 184,
            rttMs: 3.9,
            answers: 1_284_213,
            failures: 5_230,
            lastFailure: { what: 'connect ECONNREFUSED 10.96.0.11:53', agoMs: 400 },
          }),
        ],
      },
      {
        ...blocks[1]!,
        upstreams: [
          upstream('10.96.0.11:53', {
            problem: 'three probes in a row without an answer',
            connections: 0,
            failures: 22,
            lastFailure: { what: 'connect ECONNREFUSED 10.96.0.11:53', agoMs: 2_100 },
          }),
        ],
      },
      {
        ...blocks[2]!,
        upstreams: [
          blocks[2]!.upstreams[0]!,
          upstream('192.168.10.3:53', {
            transport: 'udp',
            problem: 'no answer to the last 3 queries',
            rttMs: 903,
            failures: 140,
            lastFailure: { what: 'no answer within 1.1 s', agoMs: 9_000 },
          }),
        ],
      },
    ],
    totals: { ...status.totals, staleServed: 20_412 },
    errors: [
      {
        at: ago(101),
        first: ago(101),
        count: 1,
        level: 'error',
        text: 'No upstream of cluster.local. answers: 10.96.0.11:53: connect ECONNREFUSED 10.96.0.11:53',
      },
      {
        at: ago(118),
        first: ago(118),
        count: 1,
        level: 'warning',
        text: 'upstream 10.96.0.11:53 does not answer: connect ECONNREFUSED 10.96.0.11:53',
      },
      ...status.errors,
    ],
  },
  traffic: trafficOf(120, (one, i) => {
    if (i < 96) return one
    const failed = Math.round(one.queries * 0.08)
    const latency = [...one.latency]
    latency[0]! -= failed
    latency[13]! += Math.round(failed * 0.3)
    latency[15]! += failed - Math.round(failed * 0.3)
    return {
      ...one,
      rcodes: { ...one.rcodes, NOERROR: one.rcodes['NOERROR']! - failed, SERVFAIL: failed },
      latency,
    }
  }),
  queries: [
    ...Array.from({ length: 40 }, (_, i) =>
      seen(i, {
        name: [
          'orders.shop.svc.cluster.local.',
          'inventory.shop.svc.cluster.local.',
          'consumer-2.kafka.streaming.svc.cluster.local.',
        ][i % 3]!,
        type: i % 2 === 0 ? 'A' : 'AAAA',
        rcode: 'SERVFAIL',
        milliseconds: i % 4 === 0 ? 0.1 : 4_400 - i,
        plugin: 'forward',
        upstream: '10.96.0.11:53',
        protocol: i % 7 === 0 ? 'tcp' : 'udp',
      }),
    ),
    ...ordinary,
  ],
}

/** A stub domain for each of a thousand tenants, the last five of which have no server any more. */
export const manyBlocks: PageData = {
  ...healthy,
  status: {
    ...status,
    blocks: Array.from({ length: 1_000 }, (_, i) =>
      block([`tenant-${i}.example:53`], {
        upstreams: [
          upstream(
            `10.7.${i >> 8}.${i & 255}:53`,
            i < 995 ? {} : { problem: 'three probes in a row without an answer' },
          ),
          upstream(
            `10.8.${i >> 8}.${i & 255}:53`,
            i < 995 ? {} : { problem: 'three probes in a row without an answer' },
          ),
        ],
      }),
    ),
  },
}

/** Started two seconds ago; nobody has asked anything. */
export const justStarted: PageData = {
  status: {
    ...status,
    startedAt: ago(2),
    corefile: { ...status.corefile, path: null, loadedAt: ago(2) },
    interception: {
      state: 'waiting',
      interface: 'none',
      rules: 'nft',
      addresses: [],
      reason: 'No interception yet',
    },
    notReady: ['No interception yet'],
    blocks: blocks.map((one) => ({
      ...one,
      cache: {
        success: { entries: 0, capacity: 9_984 },
        denial: { entries: 0, capacity: 9_984 },
        bytes: 0,
      },
      upstreams: one.upstreams.map(({ address, transport }) =>
        upstream(address, {
          transport,
          connections: 0,
          rttMs: null,
          answers: 0,
          failures: 0,
          lastFailure: null,
        }),
      ),
    })),
    memory: { ...status.memory, cacheBytes: 0 },
    totals: {
      queries: 0,
      hits: 0,
      misses: 0,
      staleServed: 0,
      rcodes: {},
      sources: {},
      secondsSinceLastClientQuery: null,
    },
    errors: [],
  },
  traffic: { stepSeconds: STEP_S, bounds: TIME_BUCKETS, steps: [], total: step(0, 0) },
  top: { since: NOW, queries: 0, names: [], nxdomainNames: [], clients: [] },
  queries: [],
}

/** What people put into names, pods, views and messages, when it goes to somebody's browser. */
export const hostileTexts: readonly string[] = [
  '<script>alert(1)</script>',
  '</title></style></script><img src=x onerror=alert(2)>',
  `" onmouseover="alert(3)" x='`,
  '&lt;b&gt;&amp;#60;',
  'evil\u202Egnp.exe\u2066\u200B\uFEFF',
  'two\nlines\tand \x00\x1B[31m\x9B',
  '\uD800lone\uDFFF',
  `pile${'\u0301'.repeat(300)}`,
  'W'.repeat(4_000),
  'https://elsewhere.example/x.png',
  'javascript:alert(4)',
]

/** The same status in which every text is one of those. */
export const hostile: PageData = {
  status: withTexts(status, { skip: ['startedAt', 'now', 'loadedAt', 'state', 'level'] }),
  traffic: trafficOf(120),
  top: {
    ...top,
    ...withTexts(
      { names: top.names, nxdomainNames: top.nxdomainNames, clients: top.clients },
      { skip: [] },
    ),
  },
  queries: hostileTexts.map((text, i) =>
    seen(i, {
      name: text,
      type: text,
      rcode: text,
      pod: text,
      client: text,
      plugin: text,
      upstream: text,
      milliseconds: 1e9,
    }),
  ),
}

function withTexts<T>(value: T, { skip }: { skip: readonly string[] }): T {
  let next = 0
  const change = (one: unknown, key: string): unknown => {
    if (typeof one === 'string')
      return skip.includes(key) ? one : hostileTexts[next++ % hostileTexts.length]
    if (Array.isArray(one)) return one.map((inner) => change(inner, key))
    if (typeof one !== 'object' || one === null) return one
    return Object.fromEntries(
      Object.entries(one).map(([name, inner]) => [name, change(inner, name)]),
    )
  }
  const changed = change(value, '') as T & Partial<Status>
  return changed
}
