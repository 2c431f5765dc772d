import type { Unread } from '../../../host/readings/reading.ts'
import { plural } from '../../../lib/plural.ts'
import type { Examination } from '../examination.ts'
import type { Facts, OwnQueries, ServerProbe } from '../facts.ts'
import { few } from '../few.ts'
import { isStopped } from '../stopped.ts'
import { broken, ok, type Said, unknown } from '../finding.ts'
import { described, hasAnswer } from '../outcomes.ts'
import { toListRules } from '../to-list-rules.ts'

/** Whether queries sent from here to our own addresses are answered, and by us. */
export const ownQueries: Examination = {
  area: 'Interception',
  where: 'node',
  ids: ['own-query', 'own-query-failed', 'rules-move', 'rules-still', 'rules-uncounted'],
  examine(facts) {
    if (facts.own === null) return []
    return [...answers(facts.own, facts), ...movement(facts.own, facts)]
  },
}

function answers({ probes, skipped }: OwnQueries, { question }: Facts): readonly Said[] {
  const failed = probes.filter(({ udp, tcp }) => !hasAnswer(udp) || !hasAnswer(tcp))
  const said: Said[] = []
  if (failed.length > 0) {
    said.push(
      broken('own-query-failed', `${question.name} is not answered at ${list(failed)}`, {
        seen: failed.flatMap(lines),
        meaning:
          'Clients of this address get no answer either, or wait for their next name server.',
        remedy: [
          'see the findings on the daemon, on port and address, and on upstreams',
          `dig @${hostOf(failed[0]!)} ${question.name} +tries=1 +time=2`,
        ],
      }),
    )
  }
  const good = probes.filter((probe) => !failed.includes(probe))
  if (good.length > 0) {
    said.push(
      ok('own-query', `${question.name} is answered at ${list(good)}`, ...good.flatMap(lines)),
    )
  }
  if (skipped.length > 0 && said.length === 0) {
    said.push(
      unknown('own-query', `${skipped.join(', ')} was not asked`, {
        seen: ['it is on no interface of this machine: the query would leave it'],
      }),
    )
  }
  return said
}

function movement({ probes, led, queries }: OwnQueries, facts: Facts): readonly Said[] {
  const { daemon, rules, network } = facts
  if (probes.length === 0 || daemon.processes.some(isStopped) || !intercepts(facts)) return []
  const sent = 2 * probes.length
  const counted = difference(queries)
  const byDaemon =
    counted === null ? [] : [`the daemon counted ${plural(counted, 'more query', 'more queries')}`]
  const moved = difference(led)
  if (moved === null) {
    const uncounted = whyUncounted(rules)
    return [
      unknown('rules-uncounted', 'whether the rules are met is not to be seen', {
        seen: [uncounted.why, ...byDaemon],
        remedy: [toListRules(uncounted)],
      }),
    ]
  }
  const seen = [`${sent} queries sent, the rules counted ${moved} packets`, ...byDaemon]
  if (moved > 0) return [ok('rules-move', 'the counters of the rules move', ...seen)]
  const onLoopback = 'value' in daemon.status && daemon.status.value.interception.interface === 'lo'
  const isForeign = 'value' in network && network.value.addresses.every(({ local }) => !local)
  if (onLoopback || isForeign) {
    return [
      ok('rules-move', "the node's own queries go to kube-dns here, as the log says", ...seen),
    ]
  }
  return [
    broken('rules-still', 'queries to our addresses do not meet our rules', {
      seen,
      meaning:
        'Something answers before the packet filter: eBPF in place of kube-proxy, or rules of another ' +
        'that come first. dnslet waits for queries that never arrive.',
      remedy: ['nft list ruleset', 'with Cilium: deploy/cilium-lrp.yaml'],
    }),
  ]
}

function whyUncounted({ nft, iptables }: Facts['rules']): Unread {
  if ('why' in nft) return nft
  const listed = [...nft.value, ...('value' in iptables ? iptables.value : [])]
  if (listed.some(({ packets }) => packets !== null))
    return { why: 'the rules were listed once, and not again in time', code: 'E_PROGRAM_UNHEARD' }
  return { why: 'the rules in place have no counters' }
}

function intercepts({ daemon, rules }: Facts): boolean {
  if ('value' in daemon.status) return daemon.status.value.interception.state === 'active'
  return 'value' in rules.nft && rules.nft.value.some(({ leased }) => leased.length > 0)
}

function difference({ before, after }: OwnQueries['led']): number | null {
  return before === null || after === null ? null : Math.max(0, after - before)
}

function lines({ server, udp, tcp }: ServerProbe): string[] {
  return [`${server} over UDP: ${described(udp)}, over TCP: ${described(tcp)}`]
}

function list(probes: readonly ServerProbe[]): string {
  return few(probes.map(hostOf))
}

function hostOf({ server }: ServerProbe): string {
  return server.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}
