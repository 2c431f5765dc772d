import { counter, gauge, histogram, type MetricSpec } from '../lib/metrics.ts'
import { shortenedReplies } from '../serve/finish.ts'
import { httpsResponses, type NetCounters, tcpEndNames, udpDropNames } from './counters.ts'

/** All metrics of the client-facing sockets; the daemon registers them. */
export function netMetrics(counters: NetCounters): readonly MetricSpec[] {
  return [...udpMetrics(counters), ...tcpMetrics(counters), httpsMetric]
}

const httpsMetric: MetricSpec = {
  name: 'coredns_dns_https_responses_total',
  help: 'Responses of DNS over HTTPS, by HTTP status.',
  type: 'counter',
  labels: ['server', 'status'],
  collect(emit) {
    for (const [labels, { count }] of httpsResponses.entries()) emit(labels, count)
  },
}

function udpMetrics(counters: NetCounters): readonly MetricSpec[] {
  return [
    gauge('dnslet_udp_sockets', 'Open UDP sockets.', () => counters.udpSockets),
    histogram(
      'dnslet_udp_receive_batch_size',
      'Datagrams read by one system call.',
      () => counters.udpReceived,
    ),
    histogram(
      'dnslet_udp_send_batch_size',
      'Replies sent by one system call.',
      () => counters.udpSent,
    ),
    counter(
      'dnslet_udp_truncated_datagrams_total',
      'Received datagrams longer than 4096 octets; the rest is cut off.',
      () => counters.udpTruncated,
    ),
    counter(
      'dnslet_udp_late_queries_total',
      'Queries thrown away unread: they had waited for long, as all before them for a second.',
      () => counters.udpLate,
    ),
    counter(
      'dnslet_udp_shortened_replies_total',
      'Replies cut to 1232 octets, with TC, whose clients said that they take more.',
      () => shortenedReplies.count,
    ),
    byReason(
      'dnslet_udp_dropped_replies_total',
      'Replies that were not sent.',
      udpDropNames,
      counters.udpDrops,
    ),
    {
      name: 'dnslet_udp_send_errors_total',
      help: 'Replies the kernel refused, by error.',
      type: 'counter',
      labels: ['error'],
      collect(emit) {
        for (const [labels, { count }] of counters.udpSendErrors.entries()) emit(labels, count)
      },
    },
  ]
}

function tcpMetrics(counters: NetCounters): readonly MetricSpec[] {
  return [
    gauge('dnslet_tcp_listeners', 'Open TCP listeners.', () => counters.tcpListeners),
    gauge('dnslet_tcp_connections', 'Open TCP connections.', () => counters.tcpOpen),
    counter(
      'dnslet_tcp_accepted_connections_total',
      'TCP connections accepted.',
      () => counters.tcpAccepted,
    ),
    counter(
      'dnslet_tcp_refused_connections_total',
      'TCP connections lost at accept: too many open files.',
      () => counters.tcpRefused,
    ),
    byReason(
      'dnslet_tcp_closed_connections_total',
      'TCP connections that ended.',
      tcpEndNames,
      counters.tcpEnds,
    ),
  ]
}

function byReason(
  name: string,
  help: string,
  reasons: readonly string[],
  counts: Float64Array,
): MetricSpec {
  return {
    name,
    help,
    type: 'counter',
    labels: ['reason'],
    collect(emit) {
      reasons.forEach((reason, i) => emit([reason], counts[i] ?? 0))
    },
  }
}
