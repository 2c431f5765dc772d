import { hostname } from 'node:os'

import type { CompiledBlock } from '../daemon/compile.ts'
import type { Daemon } from '../daemon/daemon.ts'
import { reloadCounters } from '../daemon/reload.ts'
import { interceptionState } from '../host/interception-metrics.ts'
import { printableJson } from '../lib/printable.ts'
import { version } from '../lib/version.ts'
import { isLastGood } from '../source/last-good.ts'
import { kubeDnsState } from '../source/template/kube-dns-config.ts'
import { lastProblems } from '../telemetry/problems.ts'
import { sumOf, sumsBy } from '../telemetry/sums.ts'
import type { BlockStatus, InterceptionStatus, Status, Totals } from './api.ts'

/** Who asked, and when last: known to whoever counts it. */
type SourceCounts = Pick<Totals, 'sources' | 'secondsSinceLastClientQuery'>

export interface StatusParts {
  readonly daemon: Daemon
  /** Addresses that the flags lead here; none where they leave the node's network alone. */
  readonly addresses: readonly string[]
  readonly intercepts: boolean
  readonly sources: () => SourceCounts
}

const startedAt = new Date(Date.now() - process.uptime() * 1000).toISOString()

/** The daemon as it is now. */
export function assembleStatus(parts: StatusParts): Status {
  return { ...headOf(parts), blocks: parts.daemon.runtime.blocks.map(blockStatus) }
}

/** The same as JSON, block by block: there may be thousands. */
export function* statusPieces(parts: StatusParts): Generator<string> {
  const head = printableJson(`${JSON.stringify(headOf(parts))}\n`)
  yield `${head.slice(0, head.lastIndexOf('}'))},"blocks":[`
  let separator = ''
  for (const block of parts.daemon.runtime.blocks) {
    yield separator + printableJson(JSON.stringify(blockStatus(block)))
    separator = ','
  }
  yield ']}\n'
}

function headOf(parts: StatusParts): Omit<Status, 'blocks'> {
  const { corefile, readiness, runtime } = parts.daemon
  const { rss, heapUsed } = process.memoryUsage()
  return {
    version: version(),
    pid: process.pid,
    node: process.env['NODE_NAME'] ?? hostname(),
    startedAt,
    now: new Date().toISOString(),
    corefile: {
      path: corefile.file === 'stdin' ? null : corefile.file,
      hash: corefile.hash,
      loadedAt: new Date(runtime.loadedAt).toISOString(),
      isLastGood: isLastGood(corefile),
      refused: dated(reloadCounters.refused),
      refusedKubeDns: dated(kubeDnsState.refused),
    },
    listeners: [...runtime.servers.values()].map(({ identity }) => {
      const [scheme = '', address = ''] = identity.name.split('://')
      return { address, scheme }
    }),
    interception: interceptionStatus(parts),
    notReady: readiness.reasons,
    memory: {
      rssBytes: rss,
      limitBytes: sumOf('dnslet_memory_limit_bytes') || null,
      heapUsedBytes: heapUsed,
      cacheBytes: sumOf('dnslet_cache_bytes'),
      cacheLimitBytes: sumOf('dnslet_cache_limit_bytes'),
    },
    totals: {
      queries: sumOf('coredns_dns_requests_total'),
      hits: sumOf('coredns_cache_hits_total'),
      misses: sumOf('coredns_cache_misses_total'),
      staleServed: sumOf('coredns_cache_served_stale_total'),
      rcodes: sumsBy('coredns_dns_responses_total', 'rcode'),
      ...parts.sources(),
    },
    errors: lastProblems().map(({ at, first, ...line }) => ({
      at: new Date(at).toISOString(),
      first: new Date(first).toISOString(),
      ...line,
    })),
  }
}

/** With its time as people write it. */
function dated<T extends { readonly at: number }>(
  one: T | null,
): (Omit<T, 'at'> & { readonly at: string }) | null {
  return one === null ? null : { ...one, at: new Date(one.at).toISOString() }
}

const REASONS: Readonly<Partial<Record<InterceptionStatus['state'], string>>> = {
  withdrawn: 'the daemon ends: kube-dns answers',
  left: 'another dnslet has taken over',
}

function interceptionStatus({ addresses, intercepts }: StatusParts): InterceptionStatus {
  const { interface: kind, rules, reason, state } = interceptionState
  if (!intercepts || state === 'none') {
    const why = intercepts ? 'it has not begun' : 'the flags leave the network alone'
    return { state: 'none', interface: 'none', rules: 'none', addresses, reason: why }
  }
  return {
    state,
    interface: kind || 'none',
    rules: rules || 'none',
    addresses,
    reason: state === 'active' ? null : (REASONS[state] ?? (reason || 'it has not begun')),
  }
}

/** Keys as the Corefile has them, ports and schemes written out where they are not the usual ones. */
export function keysOf({ keys }: CompiledBlock): readonly string[] {
  return keys.map(
    ({ scheme, zone, port }) => `${scheme === 'dns' ? '' : `${scheme}://`}${zone}:${port}`,
  )
}

function blockStatus(block: CompiledBlock): BlockStatus {
  const { context, stages } = block
  return {
    keys: keysOf(block),
    view: context.view,
    plugins: stages.map(({ name, stage }) => ({ name, lines: stage.describe?.() ?? [] })),
    cache: stages.find(({ stage }) => stage.contents !== undefined)?.stage.contents?.fill() ?? null,
    upstreams: stages.flatMap(({ stage }) => stage.inspectUpstreams?.() ?? []),
  }
}
