import { counter, gauge, type MetricSpec } from '../lib/metrics.ts'

/** How interception stands, for metrics. */
export const interceptionState = {
  active: 0,
  /** Of the `Interception`; `none` before there is one. */
  state: 'none' as 'none' | 'waiting' | 'active' | 'suspended' | 'withdrawn' | 'left',
  /** Why it waits or is suspended; '' where neither is so. */
  reason: '',
  suspensions: 0,
  repairs: { interface: 0, rules: 0 },
  /** `tun`, `dummy`, `lo`, or `none` where the addresses are somebody else's. '' before the first. */
  interface: '',
  /** `nft`, `iptables`, `late`, or `none` where the rules are somebody else's. '' before they are chosen. */
  rules: '',
}

export const interceptionMetrics: readonly MetricSpec[] = [
  gauge(
    'dnslet_interception_active',
    '1 while queries of the node are led here, 0 while kube-dns answers them.',
    () => (interceptionState.rules === '' ? null : interceptionState.active),
  ),
  counter(
    'dnslet_interception_suspensions_total',
    'Times that interception ended because this process did not answer itself.',
    () => interceptionState.suspensions,
  ),
  {
    name: 'dnslet_interception_repairs_total',
    help: 'Times that addresses and routes, or rules, that somebody else had removed were added back.',
    type: 'counter',
    labels: ['of'],
    collect: (emit) => {
      for (const [what, count] of Object.entries(interceptionState.repairs)) emit([what], count)
    },
  },
  {
    name: 'dnslet_interception_info',
    help: 'How queries are led here: the kind of interface, and what the rules are made with.',
    type: 'gauge',
    labels: ['interface', 'rules'],
    collect: (emit) => {
      const { interface: kind, rules } = interceptionState
      if (kind !== '') emit([kind, rules], 1)
    },
  },
]
