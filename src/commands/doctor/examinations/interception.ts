import type { InterceptionStatus } from '../../../admin/api.ts'
import type { Examination } from '../examination.ts'
import type { Facts } from '../facts.ts'
import { isStopped } from '../stopped.ts'
import { broken, ok, type Said, unknown, warning } from '../finding.ts'
import { toListRules } from '../to-list-rules.ts'

/** Whether queries of this node are led to dnslet, and by what. */
export const interception: Examination = {
  area: 'Interception',
  where: 'both',
  ids: [
    'interception',
    'interception-waiting',
    'interception-suspended',
    'interception-ended',
    'interception-off',
    'lease-missing',
    'rules-late',
    'interception-unseen',
  ],
  examine(facts) {
    const { status, processes } = facts.daemon
    // What rules and lease say of one that is stopped is over in three seconds.
    if (processes.length > 0 && processes.every(isStopped)) return []
    if ('value' in status) return byStatus(status.value.interception, facts)
    return facts.place.kind === 'pod' ? [] : byRules(facts)
  },
}

function byStatus(state: InterceptionStatus, facts: Facts): readonly Said[] {
  const reason = state.reason === null ? [] : [state.reason]
  switch (state.state) {
    case 'active':
      return active(state, facts)
    case 'waiting':
      return [
        broken('interception-waiting', 'dnslet has not begun to intercept', {
          seen: reason,
          meaning:
            'It does not answer a name of the cluster itself, so kube-dns goes on answering wherever its ' +
            'Service or known pods of it lead: nothing is lost there, and nothing is gained.',
          remedy: ['see the findings on upstreams; interception begins once they answer'],
        }),
      ]
    case 'suspended':
      return [
        broken('interception-suspended', 'interception is suspended', {
          seen: reason,
          meaning:
            'dnslet did not answer itself three times in a row and has sent clients to kube-dns. It ' +
            'begins again by itself, later after each suspension.',
          remedy: [
            'see the findings on CPU, receive drops and foreign sockets',
            'kubectl -n kube-system logs -l k8s-app=node-local-dns | grep -i suspended',
          ],
        }),
      ]
    case 'withdrawn':
    case 'left':
      return [
        warning('interception-ended', 'this dnslet no longer intercepts', {
          seen: [`state ${state.state}`, ...reason],
          meaning: 'It is ending, or another dnslet has taken over.',
          remedy: ['run doctor again in ten seconds'],
        }),
      ]
    case 'none':
      return [
        ok(
          'interception-off',
          'the flags of this dnslet leave the node alone',
          'clients have to name one of its addresses as their server',
        ),
      ]
  }
}

function active(state: InterceptionStatus, { rules, place }: Facts): readonly Said[] {
  const how = `interface ${state.interface}, rules ${state.rules}`
  const addresses = state.addresses.join(', ')
  if (state.rules === 'late') return [rulesLate(how)]
  // In a pod, the rules to be seen are not those of the daemon.
  if (place.kind === 'node' && state.rules === 'nft' && 'value' in rules.nft) {
    const leased = rules.nft.value.flatMap((table) => table.leased)
    if (leased.length === 0) {
      return [
        broken('lease-missing', 'dnslet intercepts, but holds no lease', {
          seen: [how, 'no set lease4 or lease6 has an element'],
          meaning: 'Its rules match nothing: every query goes past dnslet.',
          remedy: ['nft list table inet dnslet', 'see what flushes rules here: nft monitor'],
        }),
      ]
    }
    return [ok('interception', 'queries are led here', how, `leased: ${leased.join(', ')}`)]
  }
  return [ok('interception', 'queries are led here', how, `addresses: ${addresses}`)]
}

function rulesLate(how: string): Said {
  return warning('rules-late', 'dnslet has no packet rules yet', {
    seen: [how],
    meaning:
      'Programs that make them hang or fail. It answers at addresses that nobody else has; at its Service ' +
      'kube-dns does, and a firewall may drop what it does not know.',
    remedy: [
      'nft list tables; iptables-save | wc -l',
      'kubectl -n kube-system logs -l k8s-app=node-local-dns | grep -i rules',
    ],
  })
}

/** Without the daemon's word: what the rules themselves say. */
function byRules({ rules, daemon }: Facts): readonly Said[] {
  if ('why' in rules.nft && daemon.processes.length > 0) {
    return [
      unknown('interception-unseen', 'whether queries are led here is not to be seen', {
        seen: [rules.nft.why],
        remedy: [toListRules(rules.nft)],
      }),
    ]
  }
  const leased = 'value' in rules.nft ? rules.nft.value.flatMap((table) => table.leased) : []
  if (leased.length > 0) {
    return [ok('interception', 'queries are led here', `leased: ${leased.join(', ')}`)]
  }
  if (daemon.processes.length === 0) return []
  return [
    broken('lease-missing', 'dnslet is running and holds no lease', {
      seen: ['no set lease4 or lease6 has an element'],
      meaning: 'It is waiting, suspended or frozen: kube-dns answers.',
      remedy: ['kubectl -n kube-system logs -l k8s-app=node-local-dns --tail=50'],
    }),
  ]
}
