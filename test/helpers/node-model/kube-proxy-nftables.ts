import type { Cluster, Service } from './addresses.ts'

const PROTOCOLS = ['udp', 'tcp'] as const
type Protocol = (typeof PROTOCOLS)[number]

/**
 * The table of kube-proxy's nftables mode, as `nft -f` reads it: verdict maps of Services, chains
 * of endpoints, and the rejection of Service addresses that were not translated, which meets an
 * interception that leaves packets tracked.
 */
export function kubeProxyNftables(cluster: Cluster): string {
  const ip = cluster.family === 'ipv4' ? 'ip' : 'ip6'
  const type = cluster.family === 'ipv4' ? 'ipv4_addr' : 'ipv6_addr'
  const ports = cluster.services.flatMap((service) =>
    PROTOCOLS.map((protocol) => ({ service, protocol })),
  )
  const entries = ports.map(
    ({ service, protocol }) =>
      `${service.address} . ${protocol} . 53 : goto ${serviceChain(service, protocol)}`,
  )
  return `table ${ip} kube-proxy {
  comment "rules for kube-proxy"
  set cluster-ips {
    type ${type}
    elements = { ${cluster.services.map(({ address }) => address).join(', ')} }
  }
  map service-ips {
    type ${type} . inet_proto . inet_service : verdict
    elements = { ${entries.join(', ')} }
  }
  chain mark-for-masquerade { meta mark set meta mark or 0x4000; }
  chain masquerading {
    meta mark and 0x4000 == 0 return
    meta mark set meta mark xor 0x4000
    masquerade fully-random
  }
${ports.map(({ service, protocol }) => portChains(cluster, service, protocol)).join('')}\
  chain services { ${ip} daddr . meta l4proto . th dport vmap @service-ips; }
  chain cluster-ips-check {
    ${ip} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"
    ${ip} daddr ${cluster.serviceRange} drop comment "Drop traffic to unallocated ClusterIPs"
  }
  chain nat-prerouting { type nat hook prerouting priority -100; jump services; }
  chain nat-output { type nat hook output priority -100; jump services; }
  chain nat-postrouting { type nat hook postrouting priority 100; jump masquerading; }
  chain filter-forward {
    type filter hook forward priority -110
    ct state new jump cluster-ips-check
  }
  chain filter-output-post-dnat {
    type filter hook output priority -90
    ct state new jump cluster-ips-check
  }
}
`
}

function portChains(cluster: Cluster, service: Service, protocol: Protocol): string {
  const ip = cluster.family === 'ipv4' ? 'ip' : 'ip6'
  const { endpoints } = cluster
  const chain = serviceChain(service, protocol)
  const targets = endpoints.map((_, index) => `${index} : goto ${chain}-${index}`)
  const each = endpoints.map((endpoint, index) => {
    const to = cluster.family === 'ipv4' ? `${endpoint}:53` : `[${endpoint}]:53`
    return `  chain ${chain}-${index} {
    ${ip} saddr ${endpoint} jump mark-for-masquerade
    meta l4proto ${protocol} dnat to ${to}
  }
`
  })
  return `${each.join('')}  chain ${chain} {
    ${ip} daddr ${service.address} ${protocol} dport 53 ${ip} saddr != ${cluster.podRange} jump mark-for-masquerade
    numgen random mod ${endpoints.length} vmap { ${targets.join(', ')} }
  }
`
}

function serviceChain(service: Service, protocol: Protocol): string {
  return `kube-system/${service.name}/${protocol}/dns`.replaceAll('/', '_')
}
