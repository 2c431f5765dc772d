import { FALLBACK_MS, LEASE_MS, TARGET_PORT, type Family, type Plan } from './rules.ts'

/** The table that all rules live in. */
export function tableName(scope: string): string {
  return `dnslet${scope}`
}

/**
 * Names of the sets of a family. `lease`: addresses whose queries are ours. `settling`, `draining`:
 * those whose lease has begun, or ended, a moment ago. `joined`, `moved`: TCP connections begun since.
 * `orphan`: addresses that pods of kube-dns answer for, for as long as somebody has lately said so.
 */
export function setNames(ipv6: boolean): Record<SetRole, string> {
  const version = ipv6 ? '6' : '4'
  return {
    lease: `lease${version}`,
    settling: `settling${version}`,
    joined: `joined${version}`,
    draining: `draining${version}`,
    moved: `moved${version}`,
    orphan: `orphan${version}`,
  }
}

/** Sets of addresses, and of TCP connections. */
export type SetRole = 'lease' | 'settling' | 'joined' | 'draining' | 'moved' | 'orphan'

/** Connections begun during a change at most; memory is taken as they come. */
const BEGUN_SIZE = 262_144
/** Longer than any change lasts. */
const BEGUN_TIMEOUT = '1m'

/**
 * The whole table, replaced in one transaction.
 * @param leased the addresses are in the lease sets from the first packet on
 */
export function servingTable(plan: Plan, leased: boolean): string {
  const { families, port, healthPort } = plan
  const guarded = plan.uplinks.length > 0
  const dns = both((protocol) => `${protocol} dport ${port} goto ${guarded ? 'arriving' : 'query'}`)
  const replies = families.flatMap((family) => [
    // Never on condition that the address is local: while it goes, a reply would be tracked, and its
    // entry would catch the client's next packets (network facts, P1).
    ...both((protocol) => `${protocol} sport ${port} ${from(family)} notrack accept`),
    `tcp sport ${healthPort} ${from(family)} notrack accept`,
    `tcp dport ${healthPort} ${to(family)} fib daddr type local notrack accept`,
  ])
  // A packet of the node's own belongs to the socket that sends it, so `socket` says nothing there.
  const ownQueries = both((protocol) => `${protocol} dport ${port} goto query`)
  return replaceTable(tableName(plan.scope), [
    ...families.flatMap((family) => sets(family, leased)),
    chain(
      'query',
      '',
      families.flatMap((family) => queryRules(family, plan.interception)),
    ),
    ...(guarded ? uplinkChains(plan) : []),
    chain('prerouting', 'filter hook prerouting priority raw', dns),
    chain('output', 'filter hook output priority raw', [
      ...(plan.interception === 'local' ? ownQueries : []),
      ...replies,
    ]),
    ...natChains(plan),
  ])
}

/** What stays without dnslet: the fallback of the orphans, or no table at all. */
export function restingTable(plan: Plan): string {
  const useful = plan.families.some((f) => f.orphans.length > 0 && f.targets.length > 0)
  const table = tableName(plan.scope)
  return useful
    ? replaceTable(table, natChains(plan))
    : `table inet ${table}\ndelete table inet ${table}\n`
}

/** Replaces the targets alone, in one transaction. */
export function fallbackUpdate(plan: Plan): string {
  const rules = plan.families.flatMap(fallbackRules)
  const table = tableName(plan.scope)
  const lines = rules.map((rule) => `add rule inet ${table} fallback ${rule}`)
  return `${[`flush chain inet ${table} fallback`, ...lines].join('\n')}\n`
}

function replaceTable(table: string, blocks: readonly string[]): string {
  // Declared first, because nothing can be deleted that does not exist.
  return `table inet ${table}\ndelete table inet ${table}\ntable inet ${table} {\n${blocks.join('\n')}\n}\n`
}

function chain(name: string, hook: string, rules: readonly string[]): string {
  const type = hook === '' ? [] : [`type ${hook}; policy accept;`]
  const lines = [...type, ...rules].map((line) => `\t\t${line}`)
  return [`\tchain ${name} {`, ...lines, '\t}'].join('\n')
}

function sets({ ipv6, addresses }: Family, leased: boolean): string[] {
  const { lease, settling, joined, draining, moved } = setNames(ipv6)
  const type = ipv6 ? 'ipv6_addr' : 'ipv4_addr'
  const held = leased ? elements(addresses, LEASE_MS) : ''
  const connections = `type ${type} . inet_service; flags dynamic,timeout; timeout ${BEGUN_TIMEOUT}`
  return [
    `\tset ${lease} { type ${type}; flags timeout; ${held} }`,
    ...[settling, draining].map((set) => `\tset ${set} { type ${type}; flags timeout; }`),
    ...[joined, moved].map((set) => `\tset ${set} { ${connections}; size ${BEGUN_SIZE}; }`),
  ]
}

/** At least one address, each until its time is over. */
function elements(addresses: readonly string[], timeoutMs: number): string {
  return `elements = { ${addresses.map((one) => `${one} timeout ${timeoutMs}ms`).join(', ')} };`
}

/**
 * Not tracked are queries for addresses that are leased, and present. A TCP connection stays with who
 * has accepted it, for the seconds that a change takes: connections begun since are noted, and packets
 * of all others go where they went before. Nobody's connection is reset by a start or a stop. The end
 * has sets of its own: one that packets still fill cannot be emptied in the same transaction. What is led
 * here is counted: `dnslet doctor` looks whether its own queries are.
 */
function queryRules({ ipv6 }: Family, interception: Plan['interception']): string[] {
  const { lease, settling, joined, draining, moved } = setNames(ipv6)
  const ip = ipv6 ? 'ip6' : 'ip'
  // Any socket: `wildcard` would ask for a whole one, which a handshake has not got yet.
  const present = interception === 'local' ? 'fib daddr type local' : 'socket transparent 0'
  const client = `${ip} saddr . tcp sport`
  const begins = `tcp flags & (syn | ack) == syn ${ip} daddr`
  return [
    `${begins} @${settling} update @${joined} { ${client} }`,
    `meta l4proto tcp ${ip} daddr @${settling} ${client} != @${joined} return`,
    `${ip} daddr @${lease} ${present} counter notrack accept`,
    `${begins} @${draining} update @${moved} { ${client} } return`,
    `meta l4proto tcp ${ip} daddr @${draining} ${client} != @${moved} ${present} notrack accept`,
  ]
}

/**
 * The node answers ARP for its local addresses on every interface, so its network could use the cache
 * (network facts, P5). What arrives from there is tracked: kube-proxy treats it as it does without
 * us. What no DNAT has led away is dropped.
 */
function uplinkChains({ families, port, uplinks }: Plan): string[] {
  const arrives = `iifname ${list(uplinks.map((name) => `"${name}"`))}`
  return [
    chain('arriving', '', [`${arrives} return`, 'goto query']),
    chain(
      'input',
      'filter hook input priority filter',
      families.flatMap((family) =>
        both((protocol) => `${arrives} ${protocol} dport ${port} ${to(family)} drop`),
      ),
    ),
  ]
}

/**
 * DNAT of the orphans. It needs no condition: packets that go to dnslet are not tracked, and what is
 * not tracked meets no DNAT. It comes behind kube-proxy's: what was an orphan before kube-proxy made
 * its rules is none any more, and these stay when dnslet does not, while pods come and go. Hence they
 * also end by themselves.
 */
function natChains({ families, port, uplinks }: Plan): string[] {
  const orphaned = families.filter(({ orphans }) => orphans.length > 0)
  const except = uplinks.length > 0 ? `iifname != ${list(uplinks.map((name) => `"${name}"`))} ` : ''
  const jumps = orphaned.flatMap((family) =>
    both(
      (protocol) =>
        `${protocol} dport ${port} ${ipOf(family)} daddr @${setNames(family.ipv6).orphan} goto fallback`,
    ),
  )
  return [
    ...orphaned.map(({ ipv6, orphans }) => {
      const type = ipv6 ? 'ipv6_addr' : 'ipv4_addr'
      const held = elements(orphans, FALLBACK_MS)
      return `\tset ${setNames(ipv6).orphan} { type ${type}; flags timeout; ${held} }`
    }),
    chain('fallback', '', orphaned.flatMap(fallbackRules)),
    chain(
      'nat-prerouting',
      'nat hook prerouting priority -90',
      jumps.map((jump) => except + jump),
    ),
    chain('nat-output', 'nat hook output priority -90', jumps),
    chain('nat-postrouting', 'nat hook postrouting priority srcnat', [
      // A process of the node may have one of our addresses as its own: nobody could answer that.
      ...families.map((family) => `${from(family)} fib daddr type != local masquerade`),
      // And a pod of another node may have no straight way back to this node's first address. What was
      // not translated goes to dnslet, whose replies are not tracked: no masquerade would be undone.
      ...orphaned.map(
        (family) =>
          `ct status dnat ct original ${matching(family, 'daddr', family.orphans)} ` +
          'fib saddr type local masquerade',
      ),
    ]),
  ]
}

function fallbackRules({ ipv6, targets }: Family): string[] {
  const [protocol, open, close] = ipv6 ? ['ipv6', '[', ']'] : ['ipv4', '', '']
  return targets.map((target, i) => {
    // Of those that are left each is as likely as the others.
    const left = targets.length - i
    const share = left > 1 ? `numgen random mod ${left} 0 ` : ''
    const dnat = `dnat ${ipv6 ? 'ip6' : 'ip'} to ${open}${target}${close}:${TARGET_PORT}`
    return `meta nfproto ${protocol} meta l4proto { tcp, udp } ${share}${dnat}`
  })
}

function both(rule: (protocol: 'udp' | 'tcp') => string): string[] {
  return [rule('udp'), rule('tcp')]
}

function from(family: Family): string {
  return matching(family, 'saddr', family.addresses)
}

function to(family: Family): string {
  return matching(family, 'daddr', family.addresses)
}

function matching(family: Family, field: string, addresses: readonly string[]): string {
  return `${ipOf(family)} ${field} ${list(addresses)}`
}

function ipOf({ ipv6 }: Family): 'ip' | 'ip6' {
  return ipv6 ? 'ip6' : 'ip'
}

function list(items: readonly string[]): string {
  return `{ ${items.join(', ')} }`
}
