import { plural } from '../../../lib/plural.ts'
import { SLOW_UPSTREAM_MS } from '../../../admin/thresholds.ts'
import { distrusted, distrustedUnasked } from '../distrusted.ts'
import type { Examination } from '../examination.ts'
import type { Facts, Outcome, UpstreamProbe } from '../facts.ts'
import { broken, ok, type Said, unknown, warning } from '../finding.ts'
import { noAnswer, noResolver } from '../no-answer.ts'
import { described, hasAnswer, hasReply, isSilent } from '../outcomes.ts'

const POLICY = 'kubectl get networkpolicy -A; both UDP and TCP on port 53 have to be allowed'
/** Answers of a burst on one connection: fewer is a server that takes one at a time, or ends it. */
const SHALLOW = 4
const KUBE_DNS = 'kubectl -n kube-system get pods -l k8s-app=kube-dns -o wide'

/** Those that dnslet asks: whether they answer, over what, and how. */
export const upstreams: Examination = {
  area: 'Upstream',
  where: 'both',
  ids: [
    'upstream',
    'upstream-none',
    'upstream-dead',
    'upstream-refused',
    'upstream-prohibited',
    'upstream-forbidden',
    'upstream-tcp-blocked',
    'upstream-udp-blocked',
    'upstream-wrong',
    'upstream-failing',
    'upstream-slow',
    'upstream-uneven',
    'upstream-no-edns',
    'upstream-shallow',
    'upstream-distrusted',
  ],
  examine(facts) {
    const { upstreams: all, isQuick, upstreamsLeftOut, place } = facts
    const unasked = distrustedUnasked(facts, all)
    if (isQuick) return unasked
    if (all.length === 0) return place.kind === 'pod' ? [] : [none()]
    const said = [...all.flatMap((one) => examineOne(one, facts)), ...unasked]
    if (upstreamsLeftOut === 0) return said
    const more = plural(upstreamsLeftOut, 'more upstream was', 'more upstreams were')
    return [...said, ok('upstream', `${more} not asked: name one with --upstream`)]
  },
}

function none(): Said {
  return unknown('upstream-none', 'the upstreams of dnslet are not known', {
    seen: ['the daemon could not be asked, and KUBE_DNS_UPSTREAM_SERVICE_HOST is not set'],
    remedy: ['name one: dnslet doctor --upstream 10.96.0.11'],
  })
}

function examineOne(probe: UpstreamProbe, facts: Facts): readonly Said[] {
  const { udp, tcp, problem } = probe
  const said = problem === null ? [] : [distrusted(nameOf(probe), problem)]
  if (udp === null) return [...encrypted(probe, tcp), ...said]
  if (!hasReply(udp) || !hasReply(tcp)) return [unreached(probe, udp, tcp), ...said]
  return [...answered(probe, udp, tcp, facts), ...said]
}

function encrypted(probe: UpstreamProbe, tcp: Outcome): readonly Said[] {
  if (tcp.kind !== 'failure') {
    return [
      ok('upstream', `${nameOf(probe)} takes connections (${probe.transport})`, described(tcp)),
    ]
  }
  return [failure(probe, [`connecting: ${tcp.text}`], tcp)]
}

/** Somebody does not answer over UDP, or over TCP, or over neither. */
function unreached(probe: UpstreamProbe, udp: Outcome, tcp: Outcome): Said {
  const seen = [`over UDP: ${described(udp)}`, `over TCP: ${described(tcp)}`]
  if (hasReply(udp)) return onlyOne(probe, 'TCP', seen, tcp)
  if (hasReply(tcp)) return onlyOne(probe, 'UDP', seen, udp)
  const late = [udp, tcp].every(isSilent) && probe.problem === null
  if (late && (probe.rttMs ?? 0) >= SLOW_UPSTREAM_MS) return slow(probe, probe.rttMs!, seen)
  return failure(probe, seen, tcp)
}

function slow(probe: UpstreamProbe, ms: number, seen: readonly string[]): Said {
  return (ms >= 2 * SLOW_UPSTREAM_MS ? broken : warning)(
    'upstream-slow',
    `${nameOf(probe)} takes ${Math.round(ms)} ms for an answer`,
    {
      seen: [
        ...seen,
        ...(probe.rttMs === null || probe.rttMs === ms
          ? []
          : [`dnslet measures ${Math.round(probe.rttMs)} ms`]),
      ],
      meaning:
        'It lives, and who asks for a name that is not cached waits so long. Too little CPU, too many ' +
        'queries, or what it asks itself is slow.',
      remedy: probe.isCluster
        ? [
            'kubectl -n kube-system top pods -l k8s-app=kube-dns',
            'kubectl -n kube-system logs -l k8s-app=kube-dns --tail=50',
          ]
        : ['look at that server, and at the network on the way there: ping, mtr'],
    },
  )
}

function onlyOne(
  probe: UpstreamProbe,
  blocked: 'TCP' | 'UDP',
  seen: readonly string[],
  outcome: Outcome,
): Said {
  const other = blocked === 'TCP' ? 'UDP' : 'TCP'
  const how = isSilent(outcome) ? 'what is sent is dropped' : 'it is refused'
  const uses = probe.transport === '' || probe.transport === blocked.toLowerCase()
  return (uses || blocked === 'TCP' ? broken : warning)(
    blocked === 'TCP' ? 'upstream-tcp-blocked' : 'upstream-udp-blocked',
    `${nameOf(probe)} answers over ${other}, and not over ${blocked}: ${how}`,
    {
      seen,
      meaning:
        blocked === 'TCP'
          ? 'As a NetworkPolicy or firewall does that allows port 53 over UDP alone. Cluster names are ' +
            'asked for over TCP, and truncated answers too: clients get SERVFAIL or old answers.'
          : 'As a policy does that allows TCP alone. What is forwarded over UDP is lost.',
      remedy: [
        POLICY,
        ...(blocked === 'UDP'
          ? ['force_tcp in the forward block']
          : ['nft list ruleset | grep -n 53']),
      ],
    },
  )
}

function failure(probe: UpstreamProbe, seen: readonly string[], tcp: Outcome): Said {
  const how = tcp.kind === 'failure' ? tcp.how : 'timeout'
  const effect =
    'dnslet answers what it has cached, for an hour at most, and SERVFAIL for the rest' +
    (probe.isCluster ? '; an interception that has not begun waits for it.' : '.')
  switch (how) {
    case 'refused':
      return broken('upstream-refused', `${nameOf(probe)} refuses connections`, {
        seen,
        meaning: `Its host answers and nobody listens there, or a rule rejects: a Service without endpoints does so. ${effect}`,
        remedy: probe.isCluster
          ? ['kubectl -n kube-system get endpointslices -l k8s-app=kube-dns', POLICY]
          : ['see that its DNS server runs, and that no firewall rejects port 53'],
      })
    case 'prohibited':
      return broken(
        'upstream-prohibited',
        `${nameOf(probe)} cannot be reached: a router or firewall says no`,
        {
          seen,
          meaning: `ICMP came back (host unreachable, administratively prohibited), or nobody answers ARP. ${effect}`,
          remedy: ['ip route get ADDRESS', POLICY],
        },
      )
    case 'forbidden':
    case 'absent':
      return broken('upstream-forbidden', `${nameOf(probe)} cannot be asked from this machine`, {
        seen,
        meaning: `A filter or a missing route of this very machine. ${effect}`,
        remedy: ['ip route get ADDRESS', 'nft list ruleset; iptables-save | grep OUTPUT'],
      })
    case 'timeout':
    case 'closed':
    case 'odd':
      return broken('upstream-dead', `${nameOf(probe)} does not answer`, {
        seen,
        meaning: `Packets to it are dropped: its host is down, or a policy drops both UDP and TCP. ${effect}`,
        remedy: probe.isCluster
          ? [KUBE_DNS, POLICY]
          : ['see that it lives, and what lets port 53 pass: routes, firewalls, security groups'],
      })
  }
}

type Reply = Extract<Outcome, { kind: 'reply' }>

function answered(
  probe: UpstreamProbe,
  udp: Reply,
  tcp: Reply,
  { question }: Facts,
): readonly Said[] {
  const { isCluster } = probe
  const asked = isCluster ? question.name : '. NS'
  const seen = [
    `${asked} over UDP: ${described(udp)}, over TCP: ${described(tcp)}`,
    ...burstLine(probe),
  ]
  if (isCluster && !hasAnswer(tcp)) return [noAnswer(nameOf(probe), tcp.rcode, question.name, seen)]
  if (!isCluster && failsAll(probe, udp, tcp)) return [noResolver(nameOf(probe), tcp.rcode, seen)]
  const title = `${nameOf(probe)} answers over UDP and TCP`
  const ms = Math.min(udp.ms, tcp.ms)
  const first = ms >= SLOW_UPSTREAM_MS ? slow(probe, ms, seen) : ok('upstream', title, ...seen)
  return [first, ...weaknesses(probe, udp, seen)]
}

/** The servers of a stub domain may answer so for the root. */
function failsAll({ zones }: UpstreamProbe, ...replies: readonly Reply[]): boolean {
  return zones.includes('.') && replies.every(({ rcode }) => /^(SERVFAIL|REFUSED)$/.test(rcode))
}

function burstLine({ burst }: UpstreamProbe): string[] {
  if (burst === null) return []
  const { sent, answered: got, overtaken, ms } = burst
  if (got === 0) return [`none of ${sent} queries on one connection answered`]
  const order = overtaken ? 'out of order' : 'in order'
  return [`${got} of ${sent} queries on one connection answered, ${order}, in ${ms.toFixed(1)} ms`]
}

function weaknesses(probe: UpstreamProbe, udp: Reply, seen: readonly string[]): readonly Said[] {
  const { burst, isCluster } = probe
  const said: Said[] = []
  if (isUneven(probe)) said.push(uneven(probe, seen))
  else if (burst !== null && burst.answered < SHALLOW) {
    said.push(
      warning(
        'upstream-shallow',
        `${nameOf(probe)} answers ${burst.answered} of ${burst.sent} queries of a connection`,
        {
          seen,
          meaning:
            'It ends connections early. dnslet opens more of them, with a handshake for each few queries.',
          remedy: [
            'CoreDNS: maxtcpqueries; others: their limit of queries for each TCP connection',
          ],
        },
      ),
    )
  }
  if (isCluster && !udp.edns && probe.transport !== 'tcp') {
    said.push(
      warning('upstream-no-edns', `${nameOf(probe)} does not speak EDNS`, {
        seen,
        meaning: 'Answers over 512 octets come truncated, and are asked for again over TCP.',
        remedy: ['force_tcp in the forward block, or an upstream that knows RFC 6891'],
      }),
    )
  }
  return said
}

/** Some sockets were answered and others were not. */
function isUneven({ tries }: UpstreamProbe): boolean {
  return tries.answered < tries.sent
}

function uneven(probe: UpstreamProbe, seen: readonly string[]): Said {
  const { answered: got, sent } = probe.tries
  return warning('upstream-uneven', `${nameOf(probe)} answers ${got} of ${sent} tries`, {
    seen,
    meaning:
      'Packets get lost, or behind this address are several servers, as pods behind a Service, and one of ' +
      'them is dead. dnslet asks again; who asks this address without it waits, with glibc 5 s.',
    remedy: probe.isCluster
      ? [KUBE_DNS, 'which of them it is: dnslet doctor --upstream ADDRESS, with that of each pod']
      : ['ask each server behind it by itself: dnslet doctor --upstream ADDRESS'],
  })
}

function nameOf({ server, zones }: UpstreamProbe): string {
  return zones.length === 0 ? server : `${server} (${zones.slice(0, 3).join(' ')})`
}
