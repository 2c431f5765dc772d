/**
 * A value over time: a number stays what it is, `+60` is a counter that gains as much a minute, null is no
 * series.
 */
export type Play = number | `+${number}` | null

/** What makes an alert fire, and stop again; or what must not make it fire. */
export interface AlertCase {
  readonly alert: string
  /** Of several cases of an alert: what is special here. */
  readonly title?: string
  /** Series without job and node, which all have: while all is well, and while it is not. */
  readonly series: Readonly<Record<string, readonly [good: Play, bad: Play]>>
  /** Labels of the alert beyond its severity, and its text. Null: it must not fire. */
  readonly fires: {
    readonly labels: Readonly<Record<string, string>>
    readonly summary: string
  } | null
  /** How long all is not well; default 75. */
  readonly minutes?: number
}

/** In labels and texts of a case: its node. */
const NODE = '{node}'

/** What fires, with the name of the node. */
export function expectedOf(one: AlertCase): NonNullable<AlertCase['fires']> {
  return JSON.parse(JSON.stringify(one.fires).replaceAll(NODE, nodeOf(one))) as NonNullable<
    AlertCase['fires']
  >
}

/** The node on which a case plays: alerts of several nodes are told apart by it. */
export function nodeOf({ alert, title = '' }: Pick<AlertCase, 'alert' | 'title'>): string {
  return `${alert}-${title}`.replaceAll(/\W+/g, '-').replace(/-$/, '').toLowerCase()
}

/** Whether it is about all nodes together, so that nothing else may play beside it. */
export function isOfTheFleet({ fires }: AlertCase): boolean {
  return fires !== null && fires.labels['node'] === undefined
}

/** A selector with more labels. */
export function selectorOf(selector: string, more: Readonly<Record<string, string>>): string {
  const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(selector) ?? []
  const added = Object.entries(more).map(([label, value]) => `${label}="${value}"`)
  return `${name}{${[...added, labels].filter((part) => part !== '').join(',')}}`
}

/** What an alert has that looks at `up` itself. */
const job = { job: 'node-local-dns' }
const queries = 'coredns_dns_request_duration_seconds_bucket{le="+Inf",zone="cluster.local."}'
const failed =
  'coredns_dns_responses_total{rcode="SERVFAIL",zone="cluster.local.",plugin="forward"}'
const slow = (le: string): string =>
  `coredns_proxy_request_duration_seconds_bucket{to="10.96.0.11:53",rcode="NOERROR",le="${le}"}`

/** An alert that a counter's rise makes fire. */
function counted(
  alert: string,
  series: string,
  perMinute: `+${number}`,
  summary: string,
  labels: Readonly<Record<string, string>> = {},
): AlertCase {
  return {
    alert,
    series: { [series]: ['+0', perMinute] },
    fires: { labels: { node: NODE, ...labels }, summary },
  }
}

/** At least one case for each alert. */
export const cases: readonly AlertCase[] = [
  {
    alert: 'NodeLocalDNSServfail',
    series: { [queries]: ['+600', '+600'], [failed]: ['+0', '+60'] },
    fires: {
      labels: { node: NODE, zone: 'cluster.local.' },
      summary: `10% SERVFAIL in zone cluster.local. on ${NODE}.`,
    },
  },
  {
    alert: 'NodeLocalDNSServfail',
    title: 'of a node-cache with the names of CoreDNS 1.6',
    series: {
      [queries]: ['+600', '+600'],
      'coredns_dns_response_rcode_count_total{rcode="SERVFAIL",zone="cluster.local."}': [
        '+0',
        '+60',
      ],
    },
    fires: {
      labels: { node: NODE, zone: 'cluster.local.' },
      summary: `10% SERVFAIL in zone cluster.local. on ${NODE}.`,
    },
  },
  {
    alert: 'NodeLocalDNSServfail',
    title: 'of four queries a minute',
    series: { [queries]: ['+4', '+4'], [failed]: ['+0', '+4'] },
    fires: null,
  },
  {
    alert: 'NodeLocalDNSServfail',
    title: 'below 5 %',
    series: { [queries]: ['+600', '+600'], [failed]: ['+0', '+24'] },
    fires: null,
  },
  counted(
    'NodeLocalDNSUpstreamsDown',
    'coredns_forward_healthcheck_broken_total',
    '+4',
    `All upstreams of a zone are down as seen from ${NODE}.`,
  ),
  {
    alert: 'NodeLocalDNSDown',
    series: { up: [1, 0] },
    fires: {
      labels: { ...job, node: NODE },
      summary: `No metrics from node-local DNS on ${NODE}.`,
    },
  },
  {
    alert: 'NodeLocalDNSAbsent',
    series: { up: [1, null] },
    fires: { labels: job, summary: 'Prometheus knows no node-local DNS on any node.' },
  },
  counted(
    'NodeLocalDNSRestarts',
    'process_start_time_seconds',
    '+60',
    `Node-local DNS on ${NODE} was started 60 times within an hour.`,
  ),
  {
    alert: 'NodeLocalDNSRestarts',
    title: 'twice, for two updates',
    series: { process_start_time_seconds: ['+0', '+60'] },
    fires: null,
    minutes: 2,
  },
  {
    alert: 'NodeLocalDNSNotIntercepting',
    series: { dnslet_interception_active: [1, 0] },
    fires: {
      labels: { node: NODE },
      summary: `Node-local DNS on ${NODE} leaves all queries to kube-dns.`,
    },
  },
  counted(
    'NodeLocalDNSSuspends',
    'dnslet_interception_suspensions_total',
    '+1',
    `Node-local DNS on ${NODE} keeps giving queries back to kube-dns.`,
  ),
  {
    alert: 'NodeLocalDNSSuspends',
    title: 'once',
    series: { dnslet_interception_suspensions_total: ['+0', '+1'] },
    fires: null,
    minutes: 1,
  },
  counted(
    'NodeLocalDNSUnhealthy',
    'coredns_health_request_failures_total',
    '+2',
    `Node-local DNS on ${NODE} does not answer itself.`,
  ),
  {
    alert: 'NodeLocalDNSUnhealthy',
    title: 'where it intercepts, and so suspends',
    series: {
      coredns_health_request_failures_total: ['+0', '+2'],
      dnslet_interception_active: [1, 1],
    },
    fires: null,
  },
  counted(
    'NodeLocalDNSRepairs',
    'dnslet_interception_repairs_total{of="rules"}',
    '+2',
    `Somebody removes the rules of node-local DNS on ${NODE}.`,
    { of: 'rules' },
  ),
  counted(
    'NodeLocalDNSSetupErrors',
    'coredns_nodecache_setup_errors_total{errortype="iptables_lock"}',
    '+1',
    `Node-local DNS on ${NODE} cannot set up iptables_lock.`,
    { errortype: 'iptables_lock' },
  ),
  {
    alert: 'NodeLocalDNSForeignSocket',
    series: {
      'dnslet_foreign_sockets{address="10.96.0.10:53",user="root",process="dnsmasq"}': [null, 1],
    },
    fires: {
      labels: { node: NODE, address: '10.96.0.10:53', user: 'root', process: 'dnsmasq' },
      summary: `dnsmasq takes a part of the queries to 10.96.0.10:53 on ${NODE}.`,
    },
  },
  {
    alert: 'NodeLocalDNSSilent',
    series: {
      dnslet_seconds_since_last_client_query: [1, 1200],
      'dnslet_queries_by_source_total{source="node"}': ['+600', '+0'],
    },
    fires: {
      labels: { node: NODE },
      summary: `Nobody has asked node-local DNS on ${NODE} for 20m 0s.`,
    },
  },
  {
    alert: 'NodeLocalDNSSilent',
    title: 'on a node that never had much to ask',
    series: {
      dnslet_seconds_since_last_client_query: [1, 1200],
      'dnslet_queries_by_source_total{source="node"}': ['+1', '+0'],
    },
    fires: null,
  },
  {
    alert: 'NodeLocalDNSBypassed',
    series: {
      'dnslet_queries_by_source_total{source="pods"}': ['+60', '+0'],
    },
    fires: {
      labels: {},
      summary: 'Not one query of a pod reaches node-local DNS, on any node.',
    },
  },
  counted(
    'NodeLocalDNSReloadFailed',
    'coredns_reload_failed_total',
    '+1',
    `Node-local DNS on ${NODE} refused a new Corefile.`,
  ),
  {
    alert: 'NodeLocalDNSLastGood',
    series: { dnslet_corefile_last_good_in_use: [0, 1] },
    fires: {
      labels: { node: NODE },
      summary: `Node-local DNS on ${NODE} cannot use its Corefile, and serves the last good one.`,
    },
  },
  counted(
    'NodeLocalDNSServesStale',
    'coredns_cache_served_stale_total{zones="cluster.local."}',
    '+6',
    `Node-local DNS on ${NODE} lives on expired answers.`,
  ),
  {
    alert: 'NodeLocalDNSSlowUpstream',
    series: { [slow('1.024')]: ['+600', '+540'], [slow('+Inf')]: ['+600', '+600'] },
    fires: {
      labels: { node: NODE, to: '10.96.0.11:53' },
      summary: `10% of the answers of 10.96.0.11:53 take more than a second on ${NODE}.`,
    },
  },
  {
    alert: 'NodeLocalDNSWaiting',
    series: { dnslet_waiting_queries: [10, 900], dnslet_waiting_queries_limit: [1000, 1000] },
    fires: {
      labels: { node: NODE },
      summary: `90% of the queries that may wait for an upstream do so on ${NODE}.`,
    },
  },
  counted(
    'NodeLocalDNSReceiveDrops',
    'dnslet_udp_receive_drops_total{address="10.96.0.10:53"}',
    '+5',
    `50 queries went unread on ${NODE} within ten minutes.`,
  ),
  {
    alert: 'NodeLocalDNSEventLoopLate',
    series: {
      'dnslet_event_loop_lag_seconds_bucket{le="0.25"}': ['+120', '+60'],
      'dnslet_event_loop_lag_seconds_bucket{le="+Inf"}': ['+120', '+120'],
    },
    fires: {
      labels: { node: NODE },
      summary: `Node-local DNS on ${NODE} gets too little CPU, or computes too long.`,
    },
  },
  {
    alert: 'NodeLocalDNSMemory',
    series: {
      process_resident_memory_bytes: [100_000_000, 190_000_000],
      dnslet_memory_limit_bytes: [200_000_000, 200_000_000],
    },
    fires: {
      labels: { node: NODE },
      summary: `Node-local DNS on ${NODE} uses 95% of its memory limit.`,
    },
  },
  counted(
    'NodeLocalDNSPanics',
    'coredns_panics_total',
    '+1',
    `A defect of node-local DNS on ${NODE}.`,
  ),
  {
    alert: 'NodeLocalDNSWithoutTun',
    series: { 'dnslet_interception_info{interface="dummy",rules="nft"}': [null, 1] },
    fires: {
      labels: { node: NODE, interface: 'dummy' },
      summary: `Node-local DNS on ${NODE} has no TUN, but dummy.`,
    },
  },
  {
    alert: 'NodeLocalDNSWithoutTun',
    title: 'with one',
    series: { 'dnslet_interception_info{interface="tun",rules="nft"}': [1, 1] },
    fires: null,
  },
  {
    alert: 'NodeLocalDNSVersions',
    series: {
      'coredns_build_info{version="0.1.0"}': [1, 1],
      'coredns_build_info{version="1.14.4"}': [null, 1],
    },
    fires: { labels: {}, summary: 'Nodes run 2 versions of node-local DNS.' },
    minutes: 400,
  },
]
