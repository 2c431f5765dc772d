import type { Emit, MetricSpec } from '../../lib/metrics.ts'
import { version } from '../../lib/version.ts'
import { isHandler } from '../../serve/chain.ts'
import type { BlockContext } from '../../serve/plugin.ts'
import { eachRequest, queryCounters, type QueryCounters } from '../../serve/query-counters.ts'
import { rcodeName, typeName } from '../../wire/codes.ts'

/** By Protocol. */
const protocols = ['udp', 'tcp'] as const
/** CoreDNS's numbers for IPv4 and IPv6. */
const families = ['1', '2'] as const

function queryMetric(
  head: Pick<MetricSpec, 'name' | 'help' | 'type'> & { readonly labels?: readonly string[] },
  collect: (emit: Emit, counters: QueryCounters, labels: readonly string[]) => void,
): MetricSpec {
  return {
    ...head,
    labels: ['server', 'zone', 'view', ...(head.labels ?? [])],
    collect(emit) {
      for (const [labels, counters] of queryCounters.entries()) collect(emit, counters, labels)
    },
  }
}

function sizeMetric(name: string, help: string, of: 'requestSizes' | 'responseSizes'): MetricSpec {
  return queryMetric(
    { name, help, type: 'histogram', labels: ['proto'] },
    (emit, counters, labels) => {
      protocols.forEach((protocol, i) => {
        const histogram = counters[of][i]!
        if (histogram.counts.some((count) => count > 0)) emit([...labels, protocol], histogram)
      })
    },
  )
}

/** Blocks with `prometheus` that are running; while a reload is under way, old and new ones. */
const running = new Set<BlockContext>()

/** Shows which plugins a block has; the result ends that. */
export function showEnabled(block: BlockContext): () => void {
  running.add(block)
  return () => running.delete(block)
}

let ownVersion: string | null = null

function emitVersions(emit: Emit): void {
  ownVersion ??= version()
  emit([ownVersion, '', process.version], 1)
}

export const metrics: readonly MetricSpec[] = [
  queryMetric(
    {
      name: 'coredns_dns_requests_total',
      help: 'Queries; zone "dropped" has those that the server refused before any plugin.',
      type: 'counter',
      labels: ['proto', 'family', 'type'],
    },
    (emit, counters, labels) => {
      eachRequest(counters, (protocol, family, type, count) => {
        const name = type === null ? 'other' : typeName(type)
        emit([...labels, protocols[protocol]!, families[family]!, name], count)
      })
    },
  ),
  queryMetric(
    {
      name: 'coredns_dns_do_requests_total',
      help: 'Queries with the DO bit.',
      type: 'counter',
    },
    (emit, { dnssecOk }, labels) => {
      if (dnssecOk > 0) emit(labels, dnssecOk)
    },
  ),
  queryMetric(
    {
      name: 'coredns_dns_request_duration_seconds',
      help: 'Time from reading a query to sending its answer.',
      type: 'histogram',
    },
    (emit, { durations }, labels) => emit(labels, durations),
  ),
  sizeMetric('coredns_dns_request_size_bytes', 'Length of queries.', 'requestSizes'),
  sizeMetric('coredns_dns_response_size_bytes', 'Length of answers as sent.', 'responseSizes'),
  queryMetric(
    {
      name: 'coredns_dns_responses_total',
      help: 'Answers by rcode and by the plugin that made them ("" is the server itself).',
      type: 'counter',
      labels: ['rcode', 'plugin'],
    },
    (emit, { responses }, labels) => {
      for (const { plugin, rcodes } of responses) {
        rcodes.forEach((count, rcode) => {
          if (count > 0) emit([...labels, rcodeName(rcode), plugin], count)
        })
      }
    },
  ),
  {
    name: 'coredns_plugin_enabled',
    help: 'Plugins that queries of a server block pass, under its first zone; the value is 1.',
    type: 'gauge',
    labels: ['server', 'zone', 'view', 'name'],
    collect(emit) {
      for (const { servers, stages, view, zones } of running) {
        for (const { name, stage } of stages) {
          if (!isHandler(stage)) continue
          for (const server of servers) emit([server, zones[0] ?? '.', view, name], 1)
        }
      }
    },
  },
  {
    name: 'coredns_build_info',
    help: 'For dashboards made for CoreDNS: the version of dnslet, and of Node.js as goversion.',
    type: 'gauge',
    labels: ['version', 'revision', 'goversion'],
    collect: emitVersions,
  },
  {
    name: 'dnslet_build_info',
    help: 'The versions of dnslet and of Node.js, in labels; always 1.',
    type: 'gauge',
    labels: ['version', 'revision', 'nodeversion'],
    collect: emitVersions,
  },
]
