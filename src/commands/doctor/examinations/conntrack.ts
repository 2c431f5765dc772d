import { valueOf } from '../../../host/readings/reading.ts'
import type { Examination } from '../examination.ts'
import type { Facts } from '../facts.ts'
import { broken, ok, type Said, unknown, warning } from '../finding.ts'
import { everCounted, goesOn, rateOf, type Rate } from '../rates.ts'

const FULL = 0.95
const NEARLY_FULL = 0.8
const WHO = "who fills it: conntrack -L | grep -o 'src=[^ ]*' | sort | uniq -c | sort -n | tail"

/** The table that untracked queries need not fit into, and all others do. */
export const conntrack: Examination = {
  area: 'Kernel',
  where: 'both',
  ids: [
    'conntrack',
    'conntrack-full',
    'conntrack-nearly-full',
    'conntrack-drops',
    'conntrack-insert-failed',
    'conntrack-unseen',
  ],
  examine(facts) {
    return [...fill(facts), ...losses(facts)]
  },
}

function fill(facts: Facts): readonly Said[] {
  const { after } = facts.conntrack
  const [count, max, buckets] = [after.count, after.max, after.buckets].map(valueOf)
  if (count === undefined || max === undefined || max === 0) {
    const why = 'why' in after.count ? after.count.why : 'nf_conntrack_max is not known'
    return [
      unknown('conntrack-unseen', 'the connection tracking table is not to be seen', {
        seen: [why],
        remedy: ['run doctor on the node; where nothing is tracked there is no such table'],
      }),
    ]
  }
  const share = count / max
  const seen = [
    `${n(count)} of ${n(max)} entries (${Math.round(100 * share)} %)`,
    ...(buckets === undefined ? [] : [`${n(buckets)} buckets`]),
  ]
  if (share >= FULL) {
    return [
      broken('conntrack-full', 'the connection tracking table is full', {
        seen,
        meaning:
          'New connections are dropped, DNS to kube-dns among them. Queries that are led to dnslet are not ' +
          'tracked; its own queries to kube-dns are.',
        remedy: [raise(max), WHO],
      }),
    ]
  }
  if (share >= NEARLY_FULL) {
    return [
      warning('conntrack-nearly-full', 'the connection tracking table is nearly full', {
        seen,
        meaning: 'Once it is full, new connections are dropped.',
        remedy: [raise(max)],
      }),
    ]
  }
  return [ok('conntrack', 'the connection tracking table has room', ...seen, ...lost(facts))]
}

/** Reads a statistic of the table by its name; null where there are none. */
function statisticsOf(facts: Facts): ((name: string) => Rate) | null {
  const { before, after } = facts.conntrack
  const [old, now] = [valueOf(before.statistics), valueOf(after.statistics)]
  if (old === undefined || now === undefined) return null
  return (name) => rateOf(facts, old.get(name) ?? 0, now.get(name) ?? 0)
}

/** What was lost at any time. */
function lost(facts: Facts): readonly string[] {
  const rate = statisticsOf(facts)
  if (rate === null) return []
  return everCounted({
    drop: rate('drop'),
    early_drop: rate('early_drop'),
    insert_failed: rate('insert_failed'),
  })
}

function losses(facts: Facts): readonly Said[] {
  const rate = statisticsOf(facts)
  if (rate === null) return []
  const said: Said[] = []
  const [drop, early, failed] = [rate('drop'), rate('early_drop'), rate('insert_failed')]
  if (goesOn(drop) || goesOn(early)) {
    said.push(
      warning('conntrack-drops', 'packets were dropped for want of room to track them', {
        seen: [`drop: ${drop.text}`, `early_drop: ${early.text}`],
        meaning: 'The table was full, or a chain of a bucket too long. Clients waited for a retry.',
        remedy: [raise(valueOf(facts.conntrack.after.max) ?? 0)],
      }),
    )
  }
  if (goesOn(failed)) {
    said.push(
      warning('conntrack-insert-failed', 'packets were lost to the race for a connection entry', {
        seen: [
          `insert_failed: ${failed.text}`,
          `clash_resolve: ${rate('clash_resolve').text}`,
          `search_restart: ${rate('search_restart').text}`,
        ],
        meaning:
          'The five-second problem: A and AAAA leave at once from one socket, both are translated, and one ' +
          'is dropped. Queries that are led to dnslet are not tracked and cannot meet it.',
        remedy: [
          'see that pods are led here: findings on clients and the data plane',
          'elsewhere: options single-request-reopen, or use-vc, in resolv.conf',
        ],
      }),
    )
  }
  return said
}

/** Twice as many. */
function raise(max: number): string {
  const more = Math.max(2 * max, 131_072)
  return `sysctl -w net.netfilter.nf_conntrack_max=${more} (kube-proxy: --conntrack-min=${more})`
}

function n(value: number): string {
  return value.toLocaleString('en')
}
