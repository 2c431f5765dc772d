import { counter, counters, type MetricSpec } from '../../lib/metrics.ts'
import {
  resultNames,
  Transport,
  transportNames,
  type UpstreamCounters,
  upstreamCounters,
} from '../../upstream/counters.ts'
import { rcodeName } from '../../wire/codes.ts'
import { forwardCounters } from './counters.ts'

const PROXY = 'forward'
const transports = Object.values(Transport)

function perUpstream(
  name: string,
  help: string,
  read: (counted: UpstreamCounters) => number,
): MetricSpec {
  return counters(name, help, ['to'], upstreamCounters, read)
}

function perTransport(
  name: string,
  help: string,
  values: (c: UpstreamCounters) => Float64Array,
): MetricSpec {
  return {
    name,
    help,
    type: 'counter',
    labels: ['proxy_name', 'to', 'proto'],
    collect(emit) {
      for (const [[to], c] of upstreamCounters.entries()) {
        for (const t of transports) {
          if (values(c)[t]! > 0) emit([PROXY, to!, transportNames[t]], values(c)[t]!)
        }
      }
    },
  }
}

/** A running `forward` as `dnslet_forward_info` shows it. */
export interface ShownForward {
  readonly from: string
  /** The keys of its server block, as they are written. */
  readonly block: string
  /** `ip:port` of each upstream there is now. */
  readonly to: () => readonly string[]
}

/** While a reload is under way, those of the old configuration and of the new one. */
const running = new Set<ShownForward>()

/** Shows a `forward` from now on; the result ends that. */
export function showForward(shown: ShownForward): () => void {
  running.add(shown)
  return () => running.delete(shown)
}

export const metrics: readonly MetricSpec[] = [
  {
    name: 'dnslet_forward_info',
    help: 'Upstreams of each forward, in the server block with these keys; the value is 1.',
    type: 'gauge',
    labels: ['from', 'to', 'block'],
    collect(emit) {
      for (const { from, block, to } of running) for (const one of to()) emit([from, one, block], 1)
    },
  },
  counter(
    'coredns_forward_healthcheck_broken_total',
    'Attempts that found every upstream down.',
    () => forwardCounters.allDown,
  ),
  counter(
    'coredns_forward_max_concurrent_rejects_total',
    'Queries refused because max_concurrent was reached.',
    () => forwardCounters.rejected,
  ),
  {
    name: 'coredns_proxy_request_duration_seconds',
    help: 'Time to the answer of an upstream, connecting included.',
    type: 'histogram',
    labels: ['proxy_name', 'to', 'rcode'],
    collect(emit) {
      for (const [[to], { durations }] of upstreamCounters.entries()) {
        durations.forEach((histogram, rcode) => {
          if (histogram !== undefined) emit([PROXY, to!, rcodeName(rcode)], histogram)
        })
      }
    },
  },
  {
    name: 'coredns_proxy_healthcheck_failures_total',
    help: 'Health checks without an answer.',
    type: 'counter',
    labels: ['proxy_name', 'to'],
    collect(emit) {
      for (const [[to], { healthFailures }] of upstreamCounters.entries()) {
        if (healthFailures > 0) emit([PROXY, to!], healthFailures)
      }
    },
  },
  perTransport(
    'coredns_proxy_conn_cache_hits_total',
    'Queries sent over a connection that was open already.',
    (c) => c.reused,
  ),
  perTransport(
    'coredns_proxy_conn_cache_misses_total',
    'Connections opened to an upstream.',
    (c) => c.dialled,
  ),
  {
    name: 'dnslet_upstream_connections',
    help: 'Sockets open to an upstream.',
    type: 'gauge',
    labels: ['to', 'proto'],
    collect(emit) {
      for (const [[to], { dialled, open }] of upstreamCounters.entries()) {
        for (const t of transports) {
          if (t <= Transport.Tcp || dialled[t]! > 0) emit([to!, transportNames[t]], open[t]!)
        }
      }
    },
  },
  {
    name: 'dnslet_upstream_inflight_queries',
    help: 'Queries an upstream has not answered yet.',
    type: 'gauge',
    labels: ['to'],
    collect(emit) {
      for (const [labels, { inflight }] of upstreamCounters.entries()) emit(labels, inflight)
    },
  },
  {
    name: 'dnslet_upstream_attempts_total',
    help: 'Attempts to get an answer, by how they ended.',
    type: 'counter',
    labels: ['to', 'result'],
    collect(emit) {
      for (const [[to], { results }] of upstreamCounters.entries()) {
        resultNames.forEach((name, i) => {
          if (results[i]! > 0) emit([to!, name], results[i]!)
        })
      }
    },
  },
  perUpstream(
    'dnslet_upstream_retries_total',
    'Attempts beyond the first of a query.',
    (c) => c.retries,
  ),
  perUpstream(
    'dnslet_upstream_garbage_replies_total',
    'Messages that answer nothing we asked: wrong id, wrong question, no reply at all.',
    (c) => c.mismatches,
  ),
  perUpstream(
    'dnslet_upstream_renewed_connections_total',
    'Connections that others took the place of, so that all servers behind an address get queries.',
    (c) => c.retired,
  ),
  perUpstream(
    'dnslet_upstream_crowds_total',
    'Times that names without an answer held so many connections that others went before their client.',
    (c) => c.crowds,
  ),
]
