import type { Status, Top, TopEntry, Traffic } from '../../admin/api.ts'
import type { UpstreamState } from '../../serve/inspection.ts'
import { DnsletError, reasonOf } from '../../lib/errors.ts'
import type { AdminClient } from '../admin-client.ts'

/** What the daemon said at one moment. */
export interface Sample {
  /** Monotonic milliseconds. */
  readonly at: number
  readonly status: Status
  readonly top: Top
  readonly traffic: Traffic
}

/** Entries of a list that are asked for. */
const MOST = 100

/** Asks the daemon. Rejects with DnsletError. */
export async function takeSample(client: AdminClient, now: () => number): Promise<Sample> {
  const [status, top, traffic] = await Promise.all([
    client.get<Status>('/v1/status'),
    client.get<Top>('/v1/top', { limit: MOST }),
    client.get<Traffic>('/v1/traffic'),
  ])
  const sample = { at: now(), status, top, traffic }
  try {
    between(null, sample)
  } catch (cause) {
    // Another program's socket, or a daemon of another version.
    const what = `Cannot show what the daemon at ${client.socket} answers: ${reasonOf(cause)}`
    throw new DnsletError('E_ADMIN_ANSWER', `${what}; use the dnslet of the daemon's own version`)
  }
  return sample
}

/** An entry of a list, with its part in the queries that were looked at. */
export interface Frequent {
  readonly name: string
  /** `namespace/pod` of a client, else ''. */
  readonly pod: string
  readonly count: number
  readonly error: number
  /** 0 … 1, since somebody began to look. */
  readonly share: number
  /** In the interval; null before there is one. */
  readonly perSecond: number | null
}

/** What `dnslet top` shows, and prints as JSON. Rates are those of the interval, null before there is one. */
export interface Snapshot {
  readonly at: string
  readonly version: string
  readonly node: string
  readonly pid: number
  readonly upSeconds: number
  readonly interception: Status['interception']
  readonly notReady: readonly string[]
  /** Why the configured Corefile is not served; null while it is. */
  readonly refusedCorefile: string | null
  /** Why the kube-dns ConfigMap is not used; null where it is, or is not there. */
  readonly refusedKubeDns: string | null
  readonly seconds: number | null
  readonly queriesPerSecond: number | null
  /** 0 … 1; null where nobody asked. */
  readonly hitRatio: number | null
  /** Answers that had expired, of all queries, 0 … 1: what is served where no upstream answers. Null as above. */
  readonly staleRatio: number | null
  /** Upper bounds of the buckets that these queries are in, in milliseconds; null where nobody asked. */
  readonly latencyMs: { readonly p50: number; readonly p90: number; readonly p99: number } | null
  /** Shares of the answers, 0 … 1, the greatest first. */
  readonly rcodes: readonly Share[]
  /** The same of clients by where they are. */
  readonly sources: readonly Share[]
  readonly secondsSinceLastClientQuery: number | null
  /** Queries per second in the last minute, in steps of `historySeconds`. */
  readonly history: readonly number[]
  readonly historySeconds: number
  readonly since: string
  readonly names: readonly Frequent[]
  readonly nxdomainNames: readonly Frequent[]
  readonly clients: readonly Frequent[]
  readonly upstreams: readonly UpstreamState[]
  readonly cache: {
    readonly success: { readonly entries: number; readonly capacity: number }
    readonly denial: { readonly entries: number; readonly capacity: number }
    readonly bytes: number
    readonly limitBytes: number
  }
}

interface Share {
  readonly name: string
  readonly share: number
}

const HISTORY_SECONDS = 60

/**
 * What came between two samples.
 *
 * @param before null where there is none: rates are unknown
 */
export function between(before: Sample | null, { at, status, top, traffic }: Sample): Snapshot {
  // A daemon that has begun anew counts from 0.
  const earlier = before !== null && before.status.pid === status.pid ? before : null
  const seconds = earlier === null ? null : Math.max(0.001, (at - earlier.at) / 1000)
  const was = earlier?.traffic.total
  const now = traffic.total
  const queries = Math.max(0, now.queries - (was?.queries ?? 0))
  const lately = Math.round(HISTORY_SECONDS / traffic.stepSeconds)
  const frequent = (list: (of: Top) => readonly Named[], total: number): Frequent[] =>
    rated(list(top), earlier === null ? null : list(earlier.top), total, seconds)
  const { version, node, pid, interception, notReady, totals } = status
  const staleSince = (sample: Sample): number =>
    Math.max(0, totals.staleServed - sample.status.totals.staleServed)
  return {
    at: status.now,
    version,
    node,
    pid,
    upSeconds: Math.max(0, (Date.parse(status.now) - Date.parse(status.startedAt)) / 1000),
    interception,
    notReady,
    refusedCorefile: status.corefile.refused?.reason ?? null,
    refusedKubeDns: status.corefile.refusedKubeDns?.reason ?? null,
    seconds,
    queriesPerSecond: seconds === null ? null : queries / seconds,
    hitRatio: was === undefined || queries === 0 ? null : ratio(now.hits - was.hits, queries),
    staleRatio: earlier === null || queries === 0 ? null : ratio(staleSince(earlier), queries),
    latencyMs: was === undefined ? null : latencyOf(now.latency, was.latency, traffic.bounds),
    rcodes: was === undefined ? [] : shares(now.rcodes, was.rcodes),
    sources: earlier === null ? [] : shares(totals.sources, earlier.status.totals.sources),
    secondsSinceLastClientQuery: totals.secondsSinceLastClientQuery,
    history: traffic.steps.slice(-lately).map((step) => step.queries / traffic.stepSeconds),
    historySeconds: traffic.stepSeconds,
    since: top.since,
    names: frequent((of) => of.names.map((one) => ({ ...one, pod: '' })), top.queries),
    nxdomainNames: frequent(
      (of) => of.nxdomainNames.map((one) => ({ ...one, pod: '' })),
      top.queries,
    ),
    clients: frequent(
      (of) => of.clients.map((one) => ({ ...one, name: one.address })),
      top.queries,
    ),
    upstreams: upstreamsOf(status),
    cache: cacheOf(status),
  }
}

/** What is counted in two places, at two moments, may be more than all. */
function ratio(part: number, all: number): number {
  return Math.min(1, part / all)
}

type Named = TopEntry & { readonly pod: string }

function rated(
  entries: readonly Named[],
  before: readonly Named[] | null,
  total: number,
  seconds: number | null,
): Frequent[] {
  const counts = new Map(before?.map(({ name, count }) => [name, count]))
  return entries.map(({ name, pod, count, error }) => {
    // One that took over a counter begins with its error, which is nobody's rate.
    const came = Math.max(0, count - (counts.get(name) ?? error))
    const perSecond = seconds === null ? null : came / seconds
    return { name, pod, count, error, share: total === 0 ? 0 : count / total, perSecond }
  })
}

function shares(
  now: Readonly<Record<string, number>>,
  was: Readonly<Record<string, number>>,
): Share[] {
  const came = Object.entries(now).map(([name, count]) => ({
    name,
    count: count - (was[name] ?? 0),
  }))
  const total = came.reduce((sum, { count }) => sum + count, 0)
  return came
    .filter(({ count }) => count > 0)
    .toSorted((a, b) => b.count - a.count)
    .map(({ name, count }) => ({ name, share: count / total }))
}

function latencyOf(
  now: readonly number[],
  was: readonly number[],
  bounds: readonly number[],
): Snapshot['latencyMs'] {
  const came = now.map((count, i) => Math.max(0, count - (was[i] ?? 0)))
  const total = came.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  const quantile = (part: number): number => {
    let seen = 0
    const i = came.findIndex((count) => (seen += count) >= part * total)
    // Beyond the last bound nothing is known but that.
    return 1000 * (bounds[i] ?? Infinity)
  }
  return { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99) }
}

/** Each upstream once, those with a problem first: several blocks may ask the same. */
function upstreamsOf({ blocks }: Status): UpstreamState[] {
  const all = new Map<string, UpstreamState>()
  for (const upstream of blocks.flatMap(({ upstreams }) => upstreams)) {
    const key = `${upstream.transport} ${upstream.address}`
    if ((all.get(key)?.problem ?? null) === null) all.set(key, upstream)
  }
  return [...all.values()].toSorted(
    (a, b) => Number(a.problem === null) - Number(b.problem === null),
  )
}

function cacheOf({ blocks, memory }: Status): Snapshot['cache'] {
  const fills = blocks.flatMap(({ cache }) => cache ?? [])
  const sum = (kind: 'success' | 'denial'): { entries: number; capacity: number } => ({
    entries: fills.reduce((all, fill) => all + fill[kind].entries, 0),
    capacity: fills.reduce((all, fill) => all + fill[kind].capacity, 0),
  })
  const { cacheBytes: bytes, cacheLimitBytes: limitBytes } = memory
  return { success: sum('success'), denial: sum('denial'), bytes, limitBytes }
}
