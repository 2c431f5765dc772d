import { type Cluster } from './addresses.ts'
import { kubeProxyIptables, kubeletHints } from './kube-proxy-iptables.ts'
import { kubeProxyNftables } from './kube-proxy-nftables.ts'

/** kube-proxy's mode, and for iptables the backend that kubelet and kube-proxy use. */
export type KubeProxy = 'iptables' | 'iptables-legacy' | 'nftables' | 'none'

/** A program with arguments and what it reads, which make a node's rules. */
export interface Load {
  readonly argv: readonly string[]
  readonly input: string
}

/** What kubelet and kube-proxy would have run on the node. */
export function kubeProxyLoads(form: KubeProxy, clusters: readonly Cluster[]): Load[] {
  const backend = form === 'iptables-legacy' ? 'legacy' : 'nft'
  const restore = ({ family }: Cluster): string[] => [
    `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}-restore`,
    '-n',
  ]
  return clusters.flatMap((cluster) => {
    const hints = { argv: restore(cluster), input: kubeletHints }
    switch (form) {
      case 'none':
        return [hints]
      case 'nftables':
        return [hints, { argv: ['nft', '-f', '-'], input: kubeProxyNftables(cluster) }]
      case 'iptables':
      case 'iptables-legacy':
        return [{ argv: restore(cluster), input: kubeProxyIptables(cluster) }]
    }
  })
}
