import { valueOf } from '../../../host/readings/reading.ts'
import type { Examination } from '../examination.ts'
import type { Facts } from '../facts.ts'
import { ok, type Said, unknown, warning } from '../finding.ts'
import { everCounted, goesOn, rateOf, type Rate } from '../rates.ts'

/** Packets that arrived and that nobody got. */
export const receiveDrops: Examination = {
  area: 'Kernel',
  where: 'both',
  ids: [
    'receive',
    'receive-drops',
    'receive-unseen',
    'softnet-drops',
    'reverse-path',
    'fragments-lost',
  ],
  examine(facts) {
    const { before, after } = facts.counters
    if (!('value' in before.counters) || !('value' in after.counters)) {
      const why = 'why' in after.counters ? after.counters.why : 'the counters cannot be read'
      return [unknown('receive-unseen', 'what was dropped is not to be seen', { seen: [why] })]
    }
    const [old, now] = [before.counters.value, after.counters.value]
    const rate = (name: string): Rate => rateOf(facts, old.get(name) ?? 0, now.get(name) ?? 0)
    const queues = queueDrops(facts)
    const said = [
      ...sockets(facts, rate('Udp.RcvbufErrors')),
      ...softnet(queues),
      ...network(rate('TcpExt.IPReversePathFilter'), rate('Ip.ReasmFails')),
    ]
    if (said.length > 0) return said
    return [
      ok(
        'receive',
        'no queries are lost on their way in',
        `UDP receive buffers: ${rate('Udp.RcvbufErrors').text}`,
        ...(queues === null ? [] : [`queues of CPUs: ${queues.text}`]),
        ...everCounted({
          IPReversePathFilter: rate('TcpExt.IPReversePathFilter'),
          ReasmFails: rate('Ip.ReasmFails'),
        }),
      ),
    ]
  },
}

function sockets({ counters, port, addresses }: Facts, buffers: Rate): readonly Said[] {
  const before = valueOf(counters.before.socketDrops)
  const drops = [...(valueOf(counters.after.socketDrops) ?? [])].filter(([address]) =>
    addresses.includes(address),
  )
  const ours = drops.filter(([address, count]) => count > (before?.get(address) ?? 0))
  if (ours.length === 0) return []
  return [
    warning(
      'receive-drops',
      `the UDP socket of ${ours.map(([address]) => address).join(', ')} was full while we looked`,
      {
        seen: [
          ...ours.map(
            ([address, count]) =>
              `${address}, port ${port}: ${count} dropped since it was opened, ${count - (before?.get(address) ?? 0)} while we looked`,
          ),
          `all UDP sockets here: ${buffers.text}`,
        ],
        meaning:
          'dnslet did not read fast enough: too little CPU, or a burst. Clients waited for a retry.',
        remedy: [
          'raise the CPU limit of dnslet, or remove it',
          'sysctl -w net.core.rmem_max=8388608, then restart dnslet',
        ],
      },
    ),
  ]
}

/** Packets that the queues of CPUs had no room for; null where that is not known. */
function queueDrops(facts: Facts): Rate | null {
  const { counters } = facts
  const [before, after] = [counters.before, counters.after].map((one) =>
    valueOf(one.softnetDropped),
  )
  if (before === undefined || after === undefined) return null
  return rateOf(facts, before, after)
}

function softnet(rate: Rate | null): readonly Said[] {
  if (rate === null || !goesOn(rate)) return []
  return [
    warning('softnet-drops', "a CPU's packet queue was full while we looked", {
      seen: [`softnet_stat, dropped: ${rate.text}`],
      meaning: 'Packets of every kind are lost before any socket sees them.',
      remedy: [
        'sysctl -w net.core.netdev_max_backlog=16384',
        'spread interrupts: RPS, more receive queues',
      ],
    }),
  ]
}

function network(reversePath: Rate, fragments: Rate): readonly Said[] {
  const said: Said[] = []
  if (goesOn(reversePath)) {
    said.push(
      warning('reverse-path', 'packets are dropped by the reverse path filter', {
        seen: [`IPReversePathFilter: ${reversePath.text}`],
        meaning:
          'Their source would not be answered through the interface they came by. Of pods, that is DNS too.',
        remedy: [
          'sysctl -a | grep rp_filter; 2 (loose) in place of 1 (strict) on interfaces of pods',
        ],
      }),
    )
  }
  if (goesOn(fragments)) {
    said.push(
      warning('fragments-lost', 'fragments do not arrive whole', {
        seen: [`ReasmFails: ${fragments.text}`],
        meaning:
          'Large answers over UDP get lost on a path whose MTU is smaller than an interface says.',
        remedy: [
          'bufsize 1232 in the Corefile, and force_tcp towards upstreams',
          'compare: ip link | grep mtu',
        ],
      }),
    )
  }
  return said
}
