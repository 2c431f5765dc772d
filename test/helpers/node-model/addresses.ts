/** The two families a model may have; a dual-stack one has both. */
export type Family = 'ipv4' | 'ipv6'

/** Addresses as on a cluster made by kubeadm: Services from 10.96/12, pods from 10.244/16. */
export const addresses = {
  ipv4: {
    kubeDns: '10.96.0.10',
    upstream: '10.96.0.11',
    services: '10.96.0.0/12',
    pods: '10.244.0.0/16',
    /** The node's own address, and the router beyond it. */
    node: '172.18.0.2',
    lan: '172.18.0.1',
    lanBits: 16,
    podBits: 32,
    gateway: '10.244.1.1',
    pod: '10.244.1.2',
    kubeDnsPod: (index: number): string => `10.244.1.${10 + index}`,
  },
  ipv6: {
    kubeDns: 'fd00:96::a',
    upstream: 'fd00:96::b',
    services: 'fd00:96::/108',
    pods: 'fd00:244::/48',
    node: 'fd00:18::2',
    lan: 'fd00:18::1',
    lanBits: 64,
    podBits: 128,
    gateway: 'fd00:244:0:1::1',
    pod: 'fd00:244:0:1::2',
    kubeDnsPod: (index: number): string => `fd00:244:0:1::${(10 + index).toString(16)}`,
  },
} as const

/** The link-local address that kube-proxy knows nothing of. */
export const LINK_LOCAL = '169.254.20.10'

/** A Service of kube-system with port 53 over UDP and TCP, backed by every kube-dns pod. */
export interface Service {
  readonly name: 'kube-dns' | 'kube-dns-upstream'
  readonly address: string
}

/** What kube-proxy has to know about one family. */
export interface Cluster {
  readonly family: Family
  readonly services: readonly Service[]
  readonly serviceRange: string
  readonly podRange: string
  /** Addresses of the kube-dns pods. */
  readonly endpoints: readonly string[]
}

/** The cluster as kube-proxy sees it in one family. */
export function clusterOf(family: Family, kubeDnsPods: number): Cluster {
  const { kubeDns, upstream, services, pods, kubeDnsPod } = addresses[family]
  return {
    family,
    services: [
      { name: 'kube-dns', address: kubeDns },
      { name: 'kube-dns-upstream', address: upstream },
    ],
    serviceRange: services,
    podRange: pods,
    endpoints: Array.from({ length: kubeDnsPods }, (_, index) => kubeDnsPod(index)),
  }
}
