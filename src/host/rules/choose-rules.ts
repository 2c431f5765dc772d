import { DnsletError, reasonOf } from '../../lib/errors.ts'
import { type Backend, findBackends } from './iptables-backend.ts'
import { IptablesRules } from './iptables-rules.ts'
import { Iptables } from './iptables.ts'
import { NftRules } from './nft-rules.ts'
import { servingTable } from './nft-ruleset.ts'
import { makePlan, type Rules, type RulesParts } from './rules.ts'

/**
 * Rules in nft where kernel and program can do all of it, else in iptables. Changes nothing. Throws
 * DnsletError `E_NO_RULES` where there is neither.
 *
 * @param foreign the addresses are somebody else's, so that with iptables there is no lease at all:
 *   the rules then ask for a socket, or a dnslet that is killed would take the node's DNS with it
 */
export async function chooseRules(parts: RulesParts, foreign = false): Promise<Rules> {
  const backends = await findBackends(parts.programs)
  const iptables = new Iptables(parts.programs, backends, parts.log, {
    scope: parts.scope ?? '',
  })
  const reason = await whyNotNft(parts)
  if (reason === '') {
    if (backends.used === null) parts.log.warning(noAccept)
    return new NftRules(parts, iptables)
  }
  if (backends.used !== null) {
    parts.log.warning(`Packet rules are made with ${backends.used.ipv4}: ${reason}`)
    const refusal = parts.orphans.length === 0 ? null : await whyNoEnd(parts, backends.used)
    const endsByItself = refusal === null
    if (!endsByItself) parts.log.warning(`${noEnd}: ${refusal}`)
    if (!foreign) return new IptablesRules(parts, iptables, endsByItself)
    parts.log.warning(noLease)
    return new IptablesRules({ ...parts, interception: 'socket' }, iptables, endsByItself)
  }
  throw new DnsletError(
    'E_NO_RULES',
    `Cannot make packet rules: ${reason}, and iptables is not installed; install nftables or iptables`,
  )
}

const noAccept =
  'iptables is not installed: a firewall of this node that drops what is not tracked also drops DNS'

const noLease =
  "The addresses are somebody else's and nft is not to be had: queries of the node's own processes go " +
  'to kube-dns, and while dnslet is frozen nobody answers pods; install nftables or use -setupinterface=true'

const noEnd =
  'Rules that lead to pods of kube-dns while dnslet is dead do not end by themselves (run "dnslet cleanup" on ' +
  'a node where dnslet is removed for good), for they cannot be given an end'

/** Why no rule can have an end, or null: tried in a chain that nothing leads to. */
async function whyNoEnd({ programs }: RulesParts, { ipv4 }: Backend): Promise<string | null> {
  const load = (...lines: string[]): Promise<unknown> => {
    const input = ['*nat', ...lines, 'COMMIT', ''].join('\n')
    return programs.run(`${ipv4}-restore`, ['-w', '5', '-n'], { input })
  }
  const rule = '-A DNSLET-TRIAL -m time --datestop 2038-01-01T00:00:00 -j RETURN'
  try {
    await load(':DNSLET-TRIAL - [0:0]', rule)
  } catch (cause) {
    return firstLine(cause)
  }
  await load('-F DNSLET-TRIAL', '-X DNSLET-TRIAL').catch(() => {})
  return null
}

/** Has the kernel look at the whole table without loading it: old ones lack inet NAT, or fib. */
async function whyNotNft(parts: RulesParts): Promise<string> {
  const plan = makePlan(parts, await parts.uplinks(), [])
  try {
    await parts.programs.run('nft', ['-c', '-f', '-'], { input: servingTable(plan, false) })
    return ''
  } catch (cause) {
    return firstLine(cause)
  }
}

/** What a program says first; errors spell its line ends. */
function firstLine(cause: unknown): string {
  return reasonOf(cause).split('\\n', 1)[0]!
}
