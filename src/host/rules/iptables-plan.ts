import { TARGET_PORT, type Family, type Plan } from './rules.ts'

/**
 * A rule as data. Those of a chain are in the order in which they apply: DNAT behind all others there,
 * everything else before them.
 */
export interface IptablesRule {
  readonly ipv6: boolean
  readonly table: 'raw' | 'filter' | 'nat'
  readonly chain: 'PREROUTING' | 'INPUT' | 'OUTPUT' | 'POSTROUTING'
  /** Matches and target, without the comment. */
  readonly spec: string
  /** What it is for; becomes the comment. */
  readonly purpose: string
}

type Place = `${IptablesRule['table']} ${IptablesRule['chain']}`

/**
 * Everything: who is not tracked, who is let in, who answers for the orphans.
 * @param intercepting without it, queries are tracked again: kube-proxy has them
 */
export function servingRules(plan: Plan, intercepting: boolean): IptablesRule[] {
  return [
    ...(intercepting ? plan.families.flatMap((family) => queryRules(family, plan)) : []),
    ...plan.families.flatMap((family) => replyRules(family, plan)),
    ...plan.families.flatMap((family) => uplinkDrops(family, plan)),
    ...acceptRules(plan),
    ...fallbackRules(plan),
  ]
}

/** Lets queries in and answers out, whatever the node's firewall says about packets not tracked. */
export function acceptRules({ families, port }: Plan): IptablesRule[] {
  const purpose = 'allow DNS traffic'
  return families.flatMap((family) =>
    each(family.addresses, (address, protocol) => [
      rule(family, 'filter INPUT', `${to(address, protocol, port)} -j ACCEPT`, purpose),
      rule(family, 'filter OUTPUT', `${from(address, protocol, port)} -j ACCEPT`, purpose),
    ]),
  )
}

/**
 * DNAT of the orphans. It needs no condition: packets that go to dnslet are not tracked, and what is
 * not tracked meets no DNAT. Why sources are masqueraded, see nft-ruleset.ts.
 */
export function fallbackRules(plan: Plan): IptablesRule[] {
  const { port, uplinks, fallbackUntil } = plan
  const purpose = 'answered by kube-dns without us'
  const lasting = fallbackUntil === null ? '' : `-m time --datestop ${fallbackUntil} `
  return plan.families.flatMap((family) => [
    ...each(family.orphans, (address, protocol) => {
      const query = to(address, protocol, port)
      const shares = family.targets.map(
        (target, i) => `${share(family, query, i)}${lasting}${dnat(family, target)}`,
      )
      return [
        ...uplinks.map((name) =>
          rule(family, 'nat PREROUTING', `-i ${name} ${query} -j RETURN`, purpose),
        ),
        ...shares.map((spec) => rule(family, 'nat PREROUTING', spec, purpose)),
        ...shares.map((spec) => rule(family, 'nat OUTPUT', spec, purpose)),
      ]
    }),
    ...family.addresses.map((address) =>
      rule(
        family,
        'nat POSTROUTING',
        `-s ${address} -m addrtype ! --dst-type LOCAL -j MASQUERADE`,
        'no source of others',
      ),
    ),
    ...family.orphans.map((address) =>
      rule(
        family,
        'nat POSTROUTING',
        `-m conntrack --ctstate DNAT --ctorigdst ${address} -m addrtype --src-type LOCAL -j MASQUERADE`,
        purpose,
      ),
    ),
  ])
}

/** Of the targets that are left each is as likely as the others. */
function share({ targets }: Family, query: string, i: number): string {
  const left = targets.length - i
  const odds = left > 1 ? `-m statistic --mode random --probability ${(1 / left).toFixed(6)} ` : ''
  return `${query} ${odds}`
}

function dnat({ ipv6 }: Family, target: string): string {
  return `-j DNAT --to-destination ${ipv6 ? `[${target}]` : target}:${TARGET_PORT}`
}

const untracked = 'skip conntrack'

function queryRules(family: Family, plan: Plan): IptablesRule[] {
  const { port, healthPort, interception, uplinks } = plan
  return [
    ...each(family.addresses, (address, protocol) => {
      const query = to(address, protocol, port)
      const [prerouting, output] = presence(query, interception)
      return [
        // Accepted by the raw table: tracked, as without us (network facts, P5).
        ...uplinks.map((name) =>
          rule(family, 'raw PREROUTING', `-i ${name} ${query} -j ACCEPT`, 'not for the network'),
        ),
        rule(family, 'raw PREROUTING', `${prerouting} -j NOTRACK`, untracked),
        ...output.map((spec) => rule(family, 'raw OUTPUT', `${spec} -j NOTRACK`, untracked)),
      ]
    }),
    ...family.addresses.map((address) => {
      const probe = `${to(address, 'tcp', healthPort)} -m addrtype --dst-type LOCAL`
      return rule(family, 'raw OUTPUT', `${probe} -j NOTRACK`, untracked)
    }),
  ]
}

/** A packet of the node's own belongs to the socket that sends it: `-m socket` is of no use there. */
function presence(query: string, interception: Plan['interception']): [string, string[]] {
  if (interception === 'socket') return [`${query} -m socket`, []]
  const local = `${query} -m addrtype --dst-type LOCAL`
  return [local, [local]]
}

/**
 * Never on condition that the address is local: while it goes, a reply would be tracked, and its
 * entry would catch the client's next packets (network facts, P1).
 */
function replyRules(family: Family, { port, healthPort }: Plan): IptablesRule[] {
  const reply = (spec: string): IptablesRule =>
    rule(family, 'raw OUTPUT', `${spec} -j NOTRACK`, untracked)
  return [
    ...each(family.addresses, (address, protocol) => [reply(from(address, protocol, port))]),
    ...family.addresses.map((address) => reply(from(address, 'tcp', healthPort))),
  ]
}

/** What came from the network and was not led away by any DNAT. */
function uplinkDrops(family: Family, { uplinks, port }: Plan): IptablesRule[] {
  return each(family.addresses, (address, protocol) =>
    uplinks.map((name) => {
      const spec = `-i ${name} ${to(address, protocol, port)} -j DROP`
      return rule(family, 'filter INPUT', spec, 'not for the network')
    }),
  )
}

function rule({ ipv6 }: Family, place: Place, spec: string, purpose: string): IptablesRule {
  const [table, chain] = place.split(' ') as [IptablesRule['table'], IptablesRule['chain']]
  return { ipv6, table, chain, spec, purpose }
}

function each(
  addresses: readonly string[],
  rules: (address: string, protocol: 'udp' | 'tcp') => IptablesRule[],
): IptablesRule[] {
  return addresses.flatMap((address) => [...rules(address, 'udp'), ...rules(address, 'tcp')])
}

function to(address: string, protocol: string, port: number): string {
  return `-d ${address} -p ${protocol} -m ${protocol} --dport ${port}`
}

function from(address: string, protocol: string, port: number): string {
  return `-s ${address} -p ${protocol} -m ${protocol} --sport ${port}`
}
