import type { Rtnetlink } from '../sys/rtnetlink.ts'
import { ProgramError, type Programs } from './programs.ts'
import { findBackends, saveCommand } from './rules/iptables-backend.ts'

/** Where kube-proxy in IPVS mode keeps the address of every Service. */
export const IPVS_LINK = 'kube-ipvs0'

/**
 * Those of `addresses` that kube-proxy in IPVS mode holds. They are local whether we live or not:
 * on our link they would take the Service away from kube-proxy, and a rule that asks whether they
 * are local would never stop matching. Throws SyscallError.
 *
 * @param addresses IP addresses in the form of RFC 5952
 */
export function detectIpvs(rtnetlink: Rtnetlink, addresses: readonly string[]): string[] {
  const link = rtnetlink.link(IPVS_LINK)
  if (link === null) return []
  const held = new Set(rtnetlink.addresses(link.index).map(({ address }) => address))
  return addresses.filter((address) => held.has(address))
}

/**
 * Whether kube-proxy would answer for a Service address if dnslet did not, and with which rules.
 * `none`: nobody would (no kube-proxy, or one that makes no rules: IPVS, eBPF), and a node that loses
 * dnslet loses DNS. Throws ProgramError where a program hangs: that says nothing of rules.
 */
export async function findKubeProxy(
  programs: Programs,
  address: string,
  port: number,
): Promise<'nftables' | 'iptables' | 'none'> {
  if (await inNftables(programs, address, port)) return 'nftables'
  const ipv6 = address.includes(':')
  const { used, others } = await findBackends(programs)
  const mask = ipv6 ? '/128' : '/32'
  const keep = (line: string): boolean =>
    line.includes(`-d ${address}${mask} `) && line.includes(`--dport ${port} `)
  for (const backend of used === null ? [] : [used, ...others]) {
    const [program, args] = saveCommand(backend, ipv6, 'nat')
    const rules = await programs.run(program, args, { keep }).catch(none)
    if (rules.some((rule) => / -j KUBE-/.test(rule))) return 'iptables'
  }
  return 'none'
}

/** Asks for one element: the map of a large cluster is long. */
async function inNftables(programs: Programs, address: string, port: number): Promise<boolean> {
  const family = address.includes(':') ? 'ip6' : 'ip'
  const element = `{ ${address} . udp . ${port} }`
  const question = ['get', 'element', family, 'kube-proxy', 'service-ips', element]
  return programs.run('nft', question).then(
    () => true,
    (cause) => none(cause).length > 0,
  )
}

/** What is not there, not for us or not of this kernel has no rules. */
function none(cause: unknown): string[] {
  if (cause instanceof ProgramError && cause.code === 'E_PROGRAM_UNHEARD') throw cause
  return []
}
