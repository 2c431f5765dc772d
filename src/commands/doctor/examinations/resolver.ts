import { queriesPerName, type ResolvConf } from '../../../lib/resolv-conf.ts'
import type { Examination } from '../examination.ts'
import type { Facts } from '../facts.ts'
import { broken, ok, type Said, unknown, warning } from '../finding.ts'
import { described, hasReply, isUnsent } from '../outcomes.ts'

/** glibc and musl use no more (MAXNS). */
const MAX_NAMESERVERS = 3
/** As kubelet makes it with one search domain of the node: more is somebody's doing. */
const MANY_QUERIES = 12
const POLICY = 'a NetworkPolicy of this pod has to allow port 53 over UDP and over TCP to it'
const FIREWALL = 'see that it lives, and what stands between: a firewall that knows UDP alone'
const NODE_LOCAL = '169.254.20.10'
const LOCAL = ['ip route get ADDRESS', 'nft list ruleset; iptables-save | grep OUTPUT']
const UNSENT =
  'Look-ups fail, or go to the next server at once: no query leaves. A filter or a missing route of this very machine.'
const DEAD = 'Each look-up waits for it: 5 s with glibc, for every name.'
const ONE_OF_TWO = 'Answers that are too large for a datagram, or clients with use-vc, get nothing.'

/** What programs here make of a name, and whom they ask. */
export const resolver: Examination = {
  area: 'Resolver',
  where: 'both',
  ids: [
    'resolver',
    'resolver-unseen',
    'resolver-empty',
    'resolver-bypasses',
    'resolver-loop',
    'resolver-silent',
    'resolver-too-many',
    'resolver-options',
    'search-cost',
  ],
  examine(facts) {
    if ('why' in facts.resolver) {
      return [
        unknown('resolver-unseen', '/etc/resolv.conf is not to be seen', {
          seen: [facts.resolver.why],
        }),
      ]
    }
    const file = facts.resolver.value
    return [...whom(file, facts), ...answers(facts), ...cost(file), ...options(file)]
  },
}

function whom(file: ResolvConf, { place, addresses, addressesFrom }: Facts): readonly Said[] {
  const { nameservers } = file
  if (nameservers.length === 0) {
    return [
      broken('resolver-empty', '/etc/resolv.conf names no server', {
        seen: file.ignored.length > 0 ? file.ignored : ['no line "nameserver ADDRESS"'],
        meaning: 'Programs ask 127.0.0.1, where nobody serves as a rule.',
        remedy: ['a line "nameserver ADDRESS"; in a pod: dnsPolicy, dnsConfig'],
      }),
    ]
  }
  const said: Said[] = []
  const seen = [`nameserver ${nameservers.join(', ')}`]
  const ours = nameservers.filter((one) => addresses.includes(one))
  if (place.kind === 'node' && ours.length > 0) {
    said.push(
      warning('resolver-loop', 'the resolv.conf of this node leads to dnslet itself', {
        seen,
        meaning:
          'forward . /etc/resolv.conf would ask itself, which loop ends; and a pod with dnsPolicy Default ' +
          'needs dnslet to start dnslet.',
        remedy: ['name the servers of the network in /etc/resolv.conf, or kubelet --resolv-conf'],
      }),
    )
  } else if (
    place.kind === 'pod' &&
    addresses.length > 0 &&
    ours.length === 0 &&
    addressesFrom !== 'resolv.conf'
  ) {
    said.push(
      broken('resolver-bypasses', 'the name servers of this pod are not those that dnslet serves', {
        seen: [...seen, `dnslet serves ${addresses.join(', ')}`],
        meaning: 'Its queries go past dnslet.',
        remedy: [
          'kubelet: clusterDNS; this pod: dnsPolicy ClusterFirst, and no dnsConfig.nameservers',
          `or add ${nameservers[0]} to -localip`,
        ],
      }),
    )
  } else {
    said.push(ok('resolver', resolverTitle(place.kind, nameservers, ours), ...seen))
  }
  if (nameservers.length > MAX_NAMESERVERS) {
    said.push(
      warning('resolver-too-many', `/etc/resolv.conf names ${nameservers.length} servers`, {
        seen,
        meaning: 'glibc and musl use the first three, without a word.',
        remedy: ['keep three'],
      }),
    )
  }
  return said
}

function resolverTitle(
  kind: Facts['place']['kind'],
  nameservers: readonly string[],
  ours: readonly string[],
): string {
  if (kind === 'node') return "the node's own resolver asks the network's servers"
  if (ours.length > 0) return `this pod asks ${ours.join(', ')}, which dnslet serves`
  return nameservers.includes(NODE_LOCAL)
    ? `this pod asks ${NODE_LOCAL}, the node-local address`
    : 'this pod asks its name server; whether dnslet intercepts that is seen on the node'
}

function answers({ nameservers, question, place }: Facts): readonly Said[] {
  return nameservers
    .filter(({ udp, tcp }) => !hasReply(udp) || !hasReply(tcp))
    .map(({ server, udp, tcp }) => {
      const isDead = !hasReply(udp) && !hasReply(tcp)
      const isOut = isUnsent(udp) && isUnsent(tcp)
      const over = isDead ? '' : ` over ${hasReply(udp) ? 'TCP' : 'UDP'}`
      return (isDead || !hasReply(udp) ? broken : warning)(
        'resolver-silent',
        `${server} of resolv.conf ${isOut ? 'cannot be asked from here' : `does not answer in time${over}`}`,
        {
          seen: [
            `${place.kind === 'pod' ? question.name : '. NS'} over UDP: ${described(udp)}`,
            `over TCP: ${described(tcp)}`,
          ],
          meaning: isOut ? UNSENT : isDead ? DEAD : ONE_OF_TWO,
          remedy: isOut ? LOCAL : [place.kind === 'pod' ? POLICY : FIREWALL],
        },
      )
    })
}

function cost(file: ResolvConf): readonly Said[] {
  const name = 'example.com'
  const queries = queriesPerName(name, file)
  const seen = [
    `search ${file.search.join(' ') || '(none)'}, ndots ${file.ndots}`,
    `${name} costs ${queries} queries (A and AAAA), ${name}. with its final dot 2`,
  ]
  if (queries <= MANY_QUERIES) {
    return [ok('search-cost', `looking up a name outside costs ${queries} queries`, ...seen)]
  }
  return [
    warning('search-cost', `looking up a name outside costs ${queries} queries`, {
      seen,
      meaning:
        'The search list is tried first. dnslet answers the misses from memory; programs still wait for each.',
      remedy: [
        'write outside names with a final dot',
        "dnsConfig: options ndots 2, and a shorter search list of the node's",
      ],
    }),
  ]
}

/** Options that change how DNS fares, and what they do. */
const notes: Readonly<Record<string, string>> = {
  'use-vc':
    'use-vc: glibc asks over TCP alone; a remedy for the five-second problem that dnslet makes needless',
  'single-request': 'single-request: A, then AAAA; a remedy that doubles the time of each look-up',
  'single-request-reopen':
    'single-request-reopen: a socket for each of A and AAAA; musl ignores it',
  rotate: 'rotate: glibc spreads queries over the servers, so that a part of them goes past dnslet',
  inet6: 'inet6: obsolete, and translates IPv4 addresses',
}

function options({ options: words, nameservers }: ResolvConf): readonly Said[] {
  const told = words.flatMap((word) => notes[word] ?? [])
  const timeout = words.find((word) => /^timeout:(\d+)$/.test(word) && Number(word.slice(8)) > 5)
  const attempts = words.find((word) => word === 'attempts:1')
  const odd = [
    ...(timeout === undefined ? [] : [`${timeout}: a lost datagram costs that many seconds`]),
    ...(attempts === undefined ? [] : ['attempts:1: a lost datagram fails the look-up']),
  ]
  const spreads = words.includes('rotate') && nameservers.length > 1
  if (odd.length > 0 || spreads) {
    return [
      warning('resolver-options', 'options of resolv.conf make DNS worse here', {
        seen: [...odd, ...told],
        meaning: 'With dnslet on the node none of them is needed.',
        remedy: ['remove them from dnsConfig.options'],
      }),
    ]
  }
  return told.length === 0 ? [] : [ok('resolver-options', 'options of resolv.conf', ...told)]
}
