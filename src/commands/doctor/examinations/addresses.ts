import { joinHostPort } from '../../../lib/address.ts'
import type { AddressView } from '../../../host/readings/links.ts'
import type { Examination } from '../examination.ts'
import { few } from '../few.ts'
import type { Facts, Listener } from '../facts.ts'
import { broken, ok, type Said, unknown, warning } from '../finding.ts'

/** Whether our addresses are on this node, and who listens there. */
export const addresses: Examination = {
  area: 'Interception',
  where: 'node',
  ids: [
    'address',
    'address-unknown',
    'address-not-local',
    'address-on-loopback',
    'address-unseen',
    'port',
    'port-unserved',
    'port-foreign',
  ],
  examine(facts) {
    if (facts.addresses.length === 0) return isServedAsItIs(facts) ? [] : [nothingKnown()]
    return [...places(facts), ...ports(facts)]
  },
}

/** By a dnslet that leaves the node alone. */
function isServedAsItIs({ daemon: { status } }: Facts): boolean {
  return 'value' in status && status.value.interception.state === 'none'
}

function nothingKnown(): Said {
  return unknown('address-unknown', 'the addresses that dnslet is to serve are not known', {
    seen: ['no running dnslet, no rules, no interface that tells them'],
    remedy: ['name them: dnslet doctor --localip 169.254.20.10,10.96.0.10'],
  })
}

function places({ network, interfaceName, daemon, addressesFrom }: Facts): readonly Said[] {
  if ('why' in network) {
    return [
      unknown('address-unseen', 'where the addresses are is not to be seen', {
        seen: [network.why],
      }),
    ]
  }
  const { addresses: all } = network.value
  const state = 'value' in daemon.status ? daemon.status.value.interception.state : null
  // Of rules alone, or with everything left to others, the addresses are not ours to have.
  const isOurs = state === null ? daemon.processes.length > 0 : state === 'active'
  const absent = all.filter(({ local }) => !local)
  const onLoopback = all.filter(({ link }) => link === 'lo')
  const said: Said[] = []
  // Without a dnslet they are not to be there.
  if (absent.length > 0 && (daemon.processes.length > 0 || isOurs)) {
    said.push(
      (isOurs ? broken : warning)('address-not-local', `${names(absent)} not on this node`, {
        seen: [
          `said by ${addressesFrom}`,
          `link ${interfaceName}: ${linkOf(network.value.links, interfaceName)}`,
        ],
        meaning:
          'Rules that ask for a local address match nothing. ClusterIPs are answered by kube-dns, ' +
          '169.254.20.10 by known pods of it or by nobody.',
        remedy: [
          `ip address show dev ${interfaceName}`,
          'dnslet puts it back within -syncinterval; see its log for what it cannot do',
        ],
      }),
    )
  }
  if (onLoopback.length > 0 && daemon.processes.length > 0) {
    said.push(
      warning('address-on-loopback', `${names(onLoopback)} on lo`, {
        seen: ['neither a TUN nor a dummy link could be made'],
        meaning:
          "The node's own processes go past the cache, and the address stays when dnslet is killed.",
        remedy: ["mount the host's /dev/net/tun into the pod: deploy/README.md, Nodes without TUN"],
      }),
    )
  }
  const local = all.filter(({ local: is, link }) => is && link !== 'lo')
  if (local.length > 0)
    said.push(ok('address', `${names(local)} on this node`, ...local.map(where)))
  return said
}

function linkOf(
  links: readonly { name: string; kind: string; up: boolean }[],
  name: string,
): string {
  const link = links.find((one) => one.name === name)
  if (link === undefined) return 'does not exist'
  return `${link.kind || 'hardware'}, ${link.up ? 'up' : 'down'}`
}

function where({ address, link, lifetime }: AddressView): string {
  const until = lifetime === null ? '' : `, for ${lifetime} s (the lease)`
  return `${address} on ${link ?? 'another link'}${until}`
}

function ports(facts: Facts): readonly Said[] {
  const { listeners, port, addresses: ours, rights } = facts
  const foreign = listeners.filter(({ isDnslet }) => !isDnslet)
  if (foreign.length > 0 && foreign.every(({ pid }) => pid === null) && !rights.isRoot) {
    return [
      unknown('port', `who listens on port ${port} is not to be seen`, {
        seen: foreign.map((one) => nameOf(one, port)),
        remedy: ['run doctor as root on the node (hostPID in a pod)'],
      }),
    ]
  }
  const said = foreignPorts(foreign, facts)
  const unserved = ours.filter(
    (one) => leadsSomewhere(one, facts) && !listeners.some(({ address }) => covers(address, one)),
  )
  if (unserved.length > 0) {
    const where_ = few(unserved.map((one) => joinHostPort(one, port)))
    said.push(
      broken('port-unserved', `nobody listens at ${where_}`, {
        seen: ['neither UDP nor TCP, bound to the address or to all of them'],
        meaning: 'Whatever leads queries there (rules, an interface) leads them nowhere.',
        remedy: ['start dnslet, or remove what is left of it: dnslet cleanup'],
      }),
    )
  }
  const served = listeners.filter(({ isDnslet }) => isDnslet).map((one) => nameOf(one, port))
  if (served.length > 0) said.push(ok('port', `dnslet listens on port ${port}`, ...served))
  return said
}

function foreignPorts(foreign: readonly Listener[], { addresses: ours, port }: Facts): Said[] {
  const exact = foreign.filter(({ address }) => ours.includes(address))
  if (exact.length > 0) {
    return [
      broken('port-foreign', 'another program listens on our addresses', {
        seen: exact.map((one) => nameOf(one, port)),
        meaning:
          'It gets a part of the queries, or all of them where its socket is the younger one.',
        remedy: [
          `ss -lunpt sport = :${port}`,
          'end it (another node-local cache: delete its DaemonSet)',
        ],
      }),
    ]
  }
  if (foreign.length === 0) return []
  return [
    warning('port-foreign', `another program listens on port ${port} of every address`, {
      seen: foreign.map((one) => nameOf(one, port)),
      meaning: 'It gets no query while dnslet is here, and all of them the moment dnslet is not.',
      remedy: [
        'bind it to its own addresses (dnsmasq: bind-interfaces; systemd-resolved: DNSStubListener)',
      ],
    }),
  ]
}

/** A dnslet is to serve it, or the kernel takes packets to it for its own. */
function leadsSomewhere(address: string, { daemon, network }: Facts): boolean {
  if (daemon.processes.length > 0 || !('value' in network)) return true
  return network.value.addresses.some((one) => one.address === address && one.local)
}

function covers(bound: string, address: string): boolean {
  return bound === address || bound === '::' || (bound === '0.0.0.0' && !address.includes(':'))
}

function nameOf({ address, pid, command, isDnslet }: Listener, port: number): string {
  const what = isDnslet ? 'dnslet' : command
  const who = pid === null ? 'a process not to be seen from here' : `process ${pid} (${what})`
  return `${joinHostPort(address, port)}: ${who}`
}

function names(all: readonly AddressView[]): string {
  return `${few(all.map(({ address }) => address))} ${all.length === 1 ? 'is' : 'are'}`
}
