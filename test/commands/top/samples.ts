import type { Status, Top, Traffic, TrafficStep } from '../../../src/admin/api.ts'
import { between, type Sample, type Snapshot } from '../../../src/commands/top/snapshot.ts'
import type { UpstreamState } from '../../../src/serve/inspection.ts'

const START = Date.UTC(2026, 10, 29, 3, 4, 5)

export const upstream: UpstreamState = {
  address: '10.96.0.11:53',
  transport: 'tcp',
  problem: null,
  connections: 4,
  inFlight: 2,
  rttMs: 1.23,
  answers: 9_000,
  failures: 1,
  lastFailure: null,
}

export const resolver: UpstreamState = {
  ...upstream,
  address: '192.0.2.53:53',
  transport: 'udp',
  problem: 'down: it does not answer health checks',
  rttMs: null,
}

/** A daemon on a node after `seconds` of 100 queries a second, three quarters of them hits. */
export function statusAt(seconds: number): Status {
  const block = { keys: ['cluster.local:53'], view: '', plugins: [] }
  const fill = (entries: number) => ({ entries, capacity: 9_984 })
  return {
    version: '0.1.0',
    pid: 4_711,
    node: 'worker-7',
    startedAt: new Date(START).toISOString(),
    now: new Date(START + 1000 * seconds).toISOString(),
    corefile: {
      path: '/etc/Corefile',
      hash: 'a',
      loadedAt: '',
      isLastGood: false,
      refused: null,
      refusedKubeDns: null,
    },
    listeners: [{ address: '169.254.20.10:53', scheme: 'dns' }],
    interception: {
      state: 'active',
      interface: 'tun',
      rules: 'nft',
      addresses: ['169.254.20.10', '10.96.0.10'],
      reason: null,
    },
    notReady: [],
    blocks: [
      {
        ...block,
        cache: { success: fill(1_234), denial: fill(56), bytes: 2 ** 20 },
        upstreams: [upstream],
      },
      {
        ...block,
        keys: ['.:53'],
        cache: { success: fill(10), denial: fill(1), bytes: 2 ** 10 },
        upstreams: [upstream, resolver],
      },
      { ...block, keys: ['hosts.test:53'], cache: null, upstreams: [] },
    ],
    memory: {
      rssBytes: 80 * 2 ** 20,
      limitBytes: null,
      heapUsedBytes: 2 ** 24,
      cacheBytes: 3.25 * 2 ** 20,
      cacheLimitBytes: 50 * 2 ** 20,
    },
    totals: {
      queries: 100 * seconds,
      hits: 75 * seconds,
      misses: 25 * seconds,
      staleServed: 0,
      rcodes: { NOERROR: 90 * seconds, NXDOMAIN: 10 * seconds },
      sources: { pods: 98 * seconds, node: 2 * seconds, others: 0 },
      secondsSinceLastClientQuery: 0.25,
    },
    errors: [],
  }
}

export function topAt(seconds: number): Top {
  return {
    since: new Date(START).toISOString(),
    queries: 100 * seconds,
    names: [
      { name: 'api.shop.svc.cluster.local.', count: 60 * seconds, error: 0 },
      { name: 'example.com.', count: 30 * seconds, error: 2 },
    ],
    nxdomainNames: [
      { name: 'api.shop.svc.cluster.local.shop.svc.', count: 10 * seconds, error: 0 },
    ],
    clients: [
      { address: '10.244.1.7', pod: 'shop/web-6d4cf56db6-x2x9k', count: 70 * seconds, error: 0 },
      { address: 'fd00:244::17', pod: '', count: 30 * seconds, error: 0 },
    ],
  }
}

function step(seconds: number, factor: number): TrafficStep {
  return {
    at: new Date(START + 1000 * seconds).toISOString(),
    queries: 100 * factor,
    hits: 75 * factor,
    rcodes: { NOERROR: 90 * factor, NXDOMAIN: 10 * factor },
    latency: [80 * factor, 12 * factor, 7 * factor, factor],
  }
}

export function trafficAt(seconds: number): Traffic {
  return {
    stepSeconds: 5,
    bounds: [0.00025, 0.0005, 8.192],
    steps: Array.from({ length: 20 }, (_, i) => step(5 * i, i % 8)),
    total: step(seconds, seconds),
  }
}

export function sampleAt(seconds: number): Sample {
  return {
    at: 1000 * seconds,
    status: statusAt(seconds),
    top: topAt(seconds),
    traffic: trafficAt(seconds),
  }
}

export const shown: Snapshot = between(sampleAt(3_700), sampleAt(3_702))
