import { findKubeProxy, IPVS_LINK } from '../../host/kube-proxy.ts'
import type { Programs } from '../../host/programs.ts'
import type { NetworkView } from '../../host/readings/links.ts'
import { type Reading, unreadFor, valueOf } from '../../host/readings/reading.ts'
import type { RuleListing } from '../../host/readings/rule-listing.ts'
import { isLinkLocal } from '../../lib/address.ts'
import type { KubeProxyFacts } from './facts.ts'

interface Parts {
  readonly programs: Programs
  readonly rules: RuleListing
  readonly network: Reading<NetworkView>
  readonly addresses: readonly string[]
  readonly port: number
}

/** Addresses that are looked up in the rules of kube-proxy. */
const MAX_ADDRESSES = 8

/** kube-proxy's mode by what it has left in the kernel, and which of our addresses it serves. Never rejects. */
export async function kubeProxyFacts(parts: Parts): Promise<KubeProxyFacts> {
  const { rules, network, addresses, programs, port } = parts
  const held = valueOf(network)?.held.get(IPVS_LINK) ?? []
  const heldByIpvs = addresses.filter((one) => held.includes(one))
  const mode = modeOf(rules, valueOf(network)?.held.has(IPVS_LINK) === true)
  if ('why' in mode || mode.value === 'ipvs') return { mode, unserved: [], heldByIpvs }
  const services = addresses
    .filter((one) => !isOnlyOurs(one) && !heldByIpvs.includes(one))
    .slice(0, MAX_ADDRESSES)
  const found = await Promise.all(
    services.map((address) =>
      findKubeProxy(programs, address, port).catch((cause: unknown) => unreadFor(cause)),
    ),
  )
  const unserved = services.filter((_, i) => found[i] === 'none')
  const unknown = found.find((one) => typeof one === 'object')
  return { mode: unserved.length > 0 ? mode : (unknown ?? mode), unserved, heldByIpvs }
}

function modeOf(
  { kubeProxyTable, iptables, nft }: RuleListing,
  hasIpvs: boolean,
): KubeProxyFacts['mode'] {
  if (kubeProxyTable) return { value: 'nftables' }
  if (hasIpvs) return { value: 'ipvs' }
  if ('value' in iptables && iptables.value.some(({ hasServices }) => hasServices)) {
    return { value: 'iptables' }
  }
  if ('why' in iptables) return iptables
  return 'why' in nft && iptables.value.length === 0 ? nft : { value: 'none' }
}

/** No Service has such an address. */
function isOnlyOurs(address: string): boolean {
  return isLinkLocal(address) || address.startsWith('127.') || address === '::1'
}
