import { DnsletError } from '../../lib/errors.ts'
import { InputRules } from './input-rules.ts'
import { Iptables } from './iptables.ts'
import { findBackends } from './iptables-backend.ts'
import { IptablesRules } from './iptables-rules.ts'
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
  const iptables = new Iptables(parts.programs, backends, parts.log)
  const reason = await whyNotNft(parts)
  if (reason === '') {
    if (backends.used === null) parts.log.warning(noAccept)
    return new NftRules(parts, new InputRules(parts, iptables))
  }
  if (backends.used !== null) {
    parts.log.warning(`Packet rules are made with ${backends.used.ipv4}: ${reason}`)
    if (!foreign) return new IptablesRules(parts, iptables)
    parts.log.warning(noLease)
    return new IptablesRules({ ...parts, interception: 'socket' }, iptables)
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

/** Has the kernel look at the whole table without loading it: old ones lack inet NAT, or fib. */
async function whyNotNft(parts: RulesParts): Promise<string> {
  const plan = makePlan(parts, await parts.uplinks(), [])
  try {
    await parts.programs.run('nft', ['-c', '-f', '-'], { input: servingTable(plan, false) })
    return ''
  } catch (cause) {
    return (cause as Error).message.split('\n', 1)[0]!
  }
}
