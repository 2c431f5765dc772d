import { registerMetric, type Emit } from '../../telemetry/metrics.ts'
import { rcodeName, typeName } from '../../wire/codes.ts'
import { eachRequest, queryCounters, type QueryCounters } from './counters.ts'

/** By Protocol. */
const protocols = ['udp', 'tcp'] as const
/** CoreDNS's numbers for IPv4 and IPv6. */
const families = ['1', '2'] as const
/** There are no views. */
const VIEW = ''

function queryMetric(
  head: { name: string; help: string; type: 'counter' | 'histogram'; labels?: readonly string[] },
  collect: (emit: Emit, counters: QueryCounters, labels: readonly string[]) => void,
): void {
  registerMetric({
    ...head,
    labels: ['server', 'zone', 'view', ...(head.labels ?? [])],
    collect(emit) {
      for (const [[server = '', zone = ''], counters] of queryCounters.entries()) {
        collect(emit, counters, [server, zone, VIEW])
      }
    },
  })
}

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
)

queryMetric(
  {
    name: 'coredns_dns_do_requests_total',
    help: 'Queries with the DO bit.',
    type: 'counter',
  },
  (emit, { dnssecOk }, labels) => {
    if (dnssecOk > 0) emit(labels, dnssecOk)
  },
)

queryMetric(
  {
    name: 'coredns_dns_request_duration_seconds',
    help: 'Time from reading a query to sending its answer.',
    type: 'histogram',
  },
  (emit, { durations }, labels) => emit(labels, durations),
)

for (const [name, help, of] of [
  ['coredns_dns_request_size_bytes', 'Length of queries.', 'requestSizes'],
  ['coredns_dns_response_size_bytes', 'Length of answers as sent.', 'responseSizes'],
] as const) {
  queryMetric({ name, help, type: 'histogram', labels: ['proto'] }, (emit, counters, labels) => {
    protocols.forEach((protocol, i) => {
      const histogram = counters[of][i]!
      if (histogram.counts.some((count) => count > 0)) emit([...labels, protocol], histogram)
    })
  })
}

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
)
