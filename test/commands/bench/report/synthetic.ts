import {
  type BenchResult,
  type BenchSettings,
  type Bin,
  type Latency,
  type Moment,
  type Packets,
  RESULT_VERSION,
  type Run,
} from '../../../../src/load/result.ts'

/** How a made-up server behaves: most answers near `medianMs`, and one in `lostOneIn` a time-out later. */
export interface Manner {
  readonly label: string
  readonly server: string
  readonly client: string
  readonly medianMs: number
  /** Every so-manieth request waits `stepMs`; absent: none. */
  readonly lostOneIn?: number
  readonly stepMs?: number
  /** Every so-manieth fails with SERVFAIL. */
  readonly failOneIn?: number
}

const LIMIT_MS = 5000

/** A result as the load tester would give it, for these runs; the same each time. */
export function resultOf(
  manners: readonly Manner[],
  more: Partial<BenchResult> = {},
  requests = 12_000,
  seconds = 30,
): BenchResult {
  return {
    version: RESULT_VERSION,
    startedAt: '2026-11-29T11:13:23.000Z',
    seconds: seconds * manners.length,
    interrupted: false,
    options: settingsOf(seconds),
    notes: [],
    runs: manners.map((manner, i) => runOf(manner, requests, seconds, i * seconds)),
    ...more,
  }
}

function settingsOf(seconds: number): BenchSettings {
  return {
    hosts: ['service.production.svc.cluster.local'],
    hostCount: 1,
    concurrency: 200,
    seconds,
    limitMs: LIMIT_MS,
    rate: null,
    types: ['A', 'AAAA'],
    dnslet: '0.1.0',
    node: 'v24.21.0',
    cpus: 2,
  }
}

/** What one run found. */
function runOf(manner: Manner, requests: number, seconds: number, start: number): Run {
  const { failOneIn = Infinity } = manner
  const times = Array.from({ length: requests }, (_, i) => timeOf(manner, i))
  const sorted = times.toSorted((a, b) => a - b)
  const overLimit = times.filter((ms) => ms >= LIMIT_MS).length
  const errorCount = Math.floor(requests / failOneIn)
  const perStep = requests / seconds
  return {
    server: manner.server,
    client: manner.client,
    label: manner.label,
    seconds,
    requests,
    perSecond: requests / seconds,
    errors: errorCount === 0 ? {} : { rcode: errorCount },
    errorCount,
    overLimit,
    limitMs: LIMIT_MS,
    latency: latencyOf(sorted),
    histogram: histogramOf(sorted),
    timeline: Array.from({ length: seconds }, (_, step) =>
      momentOf(start + step, times.slice(step * perStep, (step + 1) * perStep)),
    ),
    stepSeconds: 1,
    rcodes: {
      NOERROR: requests - errorCount,
      ...(errorCount === 0 ? {} : { SERVFAIL: errorCount }),
    },
    packets: packetsOf(manner, requests),
    lag: { p99: 0.4, max: 3.1 },
  }
}

/** Two messages for each request, and one more for each that was lost. */
function packetsOf({ client, lostOneIn = Infinity }: Manner, requests: number): Packets {
  const retries = Math.floor(requests / lostOneIn)
  const connections = client === 'tcp' ? requests : 0
  return { sent: 2 * requests + retries, received: 2 * requests, retries, rejected: 0, connections }
}

/** Log-normal around the median, by a low-discrepancy sequence in place of chance. */
function timeOf({ medianMs, lostOneIn = Infinity, stepMs = 5000 }: Manner, i: number): number {
  const u = ((i + 1) * 0.618_033_988_75) % 1
  const v = ((i + 1) * 0.754_877_666_25) % 1
  const normal = Math.sqrt(-2 * Math.log(u + 1e-9)) * Math.cos(2 * Math.PI * v)
  const ms = medianMs * Math.exp(normal * 0.45)
  return i % lostOneIn === lostOneIn - 1 ? stepMs + ms : ms
}

function latencyOf(sorted: readonly number[]): Latency | null {
  if (sorted.length === 0) return null
  const at = (part: number): number => sorted[Math.ceil(part * sorted.length) - 1] ?? 0
  return {
    min: at(0.000_01),
    max: at(1),
    avg: sorted.reduce((total, ms) => total + ms, 0) / sorted.length,
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    p999: at(0.999),
  }
}

function histogramOf(sorted: readonly number[]): Bin[] {
  const bins: Bin[] = []
  let at = 0
  for (let upperMs = 0.01; at < sorted.length; upperMs *= 10 ** 0.1) {
    const before = at
    while (at < sorted.length && sorted[at]! <= upperMs) at++
    if (bins.length > 0 || at > before) bins.push({ upperMs, count: at - before })
  }
  return bins
}

function momentOf(second: number, times: readonly number[]): Moment {
  const { p50 = 0, p99 = 0, max = 0 } = latencyOf(times.toSorted((a, b) => a - b)) ?? {}
  const overLimit = times.filter((ms) => ms >= LIMIT_MS).length
  return { second, requests: times.length, errors: 0, overLimit, p50, p99, max }
}
