import type { Rtnetlink } from '../sys/rtnetlink.ts'

/** Where kube-proxy in IPVS mode keeps the address of every Service. */
const IPVS_LINK = 'kube-ipvs0'

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
