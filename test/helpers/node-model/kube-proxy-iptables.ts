import { createHash } from 'node:crypto'

import type { Cluster, Service } from './addresses.ts'

const PROTOCOLS = ['udp', 'tcp'] as const
type Protocol = (typeof PROTOCOLS)[number]

/**
 * The rules of kubelet and of kube-proxy's iptables mode, as `iptables-restore -n` reads them: the
 * same chains, marks and conditions. Session affinity, node ports and load balancers are left out,
 * kube-dns has none.
 */
export function kubeProxyIptables(cluster: Cluster): string {
  return [kubeletHints, filterRules, natRules(cluster)].join('')
}

/** kubelet's: programs beside it read from them which backend of iptables the node uses. */
export const kubeletHints = `*mangle
:KUBE-IPTABLES-HINT - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
COMMIT
`

const filterRules = `*filter
:KUBE-FORWARD - [0:0]
:KUBE-SERVICES - [0:0]
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`

function natRules(cluster: Cluster): string {
  const ports = cluster.services.flatMap((service) =>
    PROTOCOLS.map((protocol) => ({ service, protocol })),
  )
  const declared = ports.flatMap(({ service, protocol }) => [
    serviceChain(service, protocol),
    ...cluster.endpoints.map((endpoint) => endpointChain(service, protocol, endpoint)),
  ])
  const common = ['KUBE-SERVICES', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ']
  return `*nat
${[...common, ...declared].map((chain) => `:${chain} - [0:0]\n`).join('')}\
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
${ports.flatMap(({ service, protocol }) => portRules(cluster, service, protocol)).join('\n')}
COMMIT
`
}

function portRules(cluster: Cluster, service: Service, protocol: Protocol): string[] {
  const chain = serviceChain(service, protocol)
  const bits = cluster.family === 'ipv4' ? 32 : 128
  const match = `-d ${service.address}/${bits} -p ${protocol} -m ${protocol} --dport 53`
  const comment = `-m comment --comment "kube-system/${portName(service, protocol)} cluster IP"`
  const last = cluster.endpoints.length - 1
  return [
    `-A KUBE-SERVICES ${match} ${comment} -j ${chain}`,
    `-A ${chain} ! -s ${cluster.podRange} ${match} ${comment} -j KUBE-MARK-MASQ`,
    ...cluster.endpoints.flatMap((endpoint, index) => {
      const target = endpointChain(service, protocol, endpoint)
      const chance = (1 / (last - index + 1)).toFixed(10)
      const random = `-m statistic --mode random --probability ${chance} `
      const to = cluster.family === 'ipv4' ? `${endpoint}:53` : `[${endpoint}]:53`
      return [
        `-A ${chain} ${index === last ? '' : random}-j ${target}`,
        // A pod that reaches itself through the Service.
        `-A ${target} -s ${endpoint}/${bits} -j KUBE-MARK-MASQ`,
        `-A ${target} -p ${protocol} -m ${protocol} -j DNAT --to-destination ${to}`,
      ]
    }),
  ]
}

function portName(service: Service, protocol: Protocol): string {
  return `${service.name}:${protocol === 'udp' ? 'dns' : 'dns-tcp'}`
}

function serviceChain(service: Service, protocol: Protocol): string {
  return `KUBE-SVC-${hash(`kube-system/${portName(service, protocol)}${protocol}`)}`
}

function endpointChain(service: Service, protocol: Protocol, endpoint: string): string {
  return `KUBE-SEP-${hash(`kube-system/${portName(service, protocol)}${protocol}${endpoint}:53`)}`
}

/** Sixteen characters of base 32, as in the names kube-proxy gives its chains. */
function hash(text: string): string {
  const digest = createHash('sha256').update(text).digest()
  return Array.from(digest.subarray(0, 16), (octet) => BASE32[octet & 31]).join('')
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
