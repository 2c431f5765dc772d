import type { Totals } from '../../../admin/api.ts'
import type { Examination } from '../examination.ts'
import type { Facts } from '../facts.ts'
import { broken, ok, type Said, warning } from '../finding.ts'

/** Seconds without a query of a client that no node with pods has. */
const LONG = 300

/** Whether queries of pods arrive at all. */
export const clientTraffic: Examination = {
  area: 'Clients',
  where: 'both',
  ids: ['client-traffic', 'client-silence', 'data-plane', 'data-plane-bypass'],
  examine(facts) {
    const { status } = facts.daemon
    const totals = 'value' in status ? status.value.totals : null
    return [...traffic(totals, facts), ...dataPlane(totals, facts)]
  },
}

function traffic(totals: Totals | null, { daemon }: Facts): readonly Said[] {
  // That the daemon could not be asked is said elsewhere.
  if (totals === null) return []
  const seen = [...sources(totals), age(totals)]
  if (!isQuiet(totals, daemon)) {
    const hasBegun = totals.secondsSinceLastClientQuery !== null
    const title = hasBegun
      ? 'queries of clients arrive'
      : 'dnslet has only begun, and nobody has asked'
    return [ok('client-traffic', title, ...seen)]
  }
  return [
    warning('client-silence', 'no pod has asked for a while', {
      seen,
      meaning: 'Either no pod of this node uses DNS, or their queries go past dnslet.',
      remedy: [
        'in a pod of this node: cat /etc/resolv.conf, then dnslet doctor --localip with its addresses',
        'see the findings on the data plane and on --cluster-dns',
      ],
    }),
  ]
}

function dataPlane(totals: Totals | null, facts: Facts): readonly Said[] {
  const { dataPlanes, daemon } = facts
  const names = dataPlanes.map(({ name }) => name).join(', ')
  const seen = dataPlanes.map(({ name, signs }) => `${name}: ${signs.join(', ')}`)
  if (dataPlanes.length === 0) return []
  if (dataPlanes.every(({ mayBypassRules }) => !mayBypassRules)) {
    return [ok('data-plane', `${names}: packets of pods meet the packet filter`, ...seen)]
  }
  if (totals !== null && arrives(totals)) {
    return [ok('data-plane', `${names} is here, and queries of pods arrive`, ...seen, age(totals))]
  }
  const intercepting =
    'value' in daemon.status && daemon.status.value.interception.state === 'active'
  const say = totals !== null && intercepting && isOld(daemon) ? broken : warning
  return [
    say('data-plane-bypass', `${names} may answer for Services before our rules see the query`, {
      seen: totals === null ? seen : [...seen, age(totals)],
      meaning:
        'In place of kube-proxy it translates ClusterIPs in the socket or at the device. Rules are ' +
        'bypassed without a word, and dnslet sees nothing.',
      remedy: [
        'Cilium: cilium-dbg status | grep KubeProxyReplacement; if it is True, deploy/cilium-lrp.yaml',
        'others: make 169.254.20.10 the name server of pods (kubelet: --cluster-dns)',
      ],
    }),
  ]
}

/** Whether a pod has asked lately. */
function arrives({ sources: by, secondsSinceLastClientQuery: age_ }: Totals): boolean {
  const others = Object.entries(by).filter(([source, count]) => source !== 'node' && count > 0)
  return age_ !== null && age_ <= LONG && others.length > 0
}

/** Queries of the node's own processes are no sign that those of pods arrive. */
function isQuiet(totals: Totals, daemon: Facts['daemon']): boolean {
  const { sources: by, secondsSinceLastClientQuery: age_ } = totals
  if (age_ !== null && age_ > LONG) return true
  const others = Object.entries(by).filter(([source]) => source !== 'node')
  const isUnasked = others.every(([, count]) => count === 0)
  // Of a process that has only begun that says nothing.
  return isOld(daemon) && (age_ === null || isUnasked)
}

function isOld({ status }: Facts['daemon']): boolean {
  if (!('value' in status)) return false
  const age_ = Date.parse(status.value.now) - Date.parse(status.value.startedAt)
  return age_ > LONG * 1_000
}

function sources({ sources: by }: Totals): string[] {
  const parts = Object.entries(by).map(
    ([source, count]) => `${source} ${count.toLocaleString('en')}`,
  )
  return parts.length === 0 ? [] : [`queries by source: ${parts.join(', ')}`]
}

function age({ secondsSinceLastClientQuery: seconds }: Totals): string {
  if (seconds === null) return 'no query of a client since the start'
  return `last query of a client ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s ago`
}
