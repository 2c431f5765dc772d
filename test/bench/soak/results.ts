import type { ClientReport } from '../../../bench/soak/client-report.ts'
import type { Look, ServerResult, SoakResult } from '../../../bench/soak/result.ts'

const latency = { min: 0.1, max: 20, avg: 1, p50: 0.5, p90: 1, p99: 2.345, p999: 12.5 }
const metrics = { heap: 20 * 2 ** 20, entries: 9984, panics: 0, waiting: 0 }

/** A look every five seconds; the memory rises by so many MiB an hour. */
export function looksOf(seconds: number, mibAnHour = 0, descriptors = 40): Look[] {
  return Array.from({ length: seconds / 5 + 1 }, (_, i) => {
    const second = 5 * i
    const rss = Math.round(60 * 1024 + (mibAnHour * 1024 * second) / 3600)
    const cpu = second * 2e8
    return { second, cpu, waited: second * 1e7, rss, rssAnon: rss - 30_000, descriptors }
  })
}

export function clientOf(more: Partial<ClientReport> = {}): ClientReport {
  const tally = { sent: 1_200_000, answered: 1_200_000, failed: 0, latency }
  const interval = { ...tally, sent: 120_000, answered: 120_000, metrics }
  return {
    startedAt: 1_000_000,
    total: tally,
    intervals: [60, 120].map((second) => ({ ...interval, at: 1_000_000 + second * 1000 })),
    failures: [],
    kinds: {},
    lag: { p99: 0.2, max: 3 },
    metrics,
    ...more,
  }
}

export function serverOf(more: Partial<ServerResult> = {}): ServerResult {
  return {
    name: 'dnslet',
    client: clientOf(),
    looks: looksOf(600),
    reloads: { written: 9, loaded: 9 },
    restarts: 4,
    upstream: { udp: 0, tcp: 240_000 },
    ...more,
  }
}

export function resultOf(...servers: readonly ServerResult[]): SoakResult {
  return {
    startedAt: '2026-01-01T00:00:00.000Z',
    seconds: 600,
    interrupted: false,
    rate: 2000,
    reloadEvery: 60,
    restartEvery: 120,
    where: 'a node',
    machine: { busy: 0.5, own: 0.375, cores: 2 },
    servers,
  }
}

/** A client that saw two failures. */
export function failing(): ClientReport {
  const first = { at: 1_065_000, name: 'a.test', type: 'A', what: 'timeout' }
  return clientOf({
    total: { sent: 100, answered: 98, failed: 2, latency },
    failures: [first, { ...first, type: 'AAAA', what: 'SERVFAIL' }],
    kinds: { timeout: 1, SERVFAIL: 1 },
  })
}
