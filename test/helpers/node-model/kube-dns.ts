import { type Family, addresses } from './addresses.ts'

/**
 * Time to live of `who.cluster.local` at the kube-dns pods, in seconds. The official Corefile caps
 * what dnslet passes on at 30: the TTL tells who answered.
 */
const WHO_TTL = 3600

/** Where a kube-dns pod answers TCP as CoreDNS does; to its clients that is port 53. */
export const IN_ORDER_PORT = 1053

/** For nft, in a kube-dns pod. UDP goes to nsd untracked. */
export const redirectTcp: string = `table inet kube-dns {
  chain untracked {
    type filter hook prerouting priority raw
    udp dport 53 notrack
  }
  chain answers {
    type filter hook output priority raw
    udp sport 53 notrack
  }
  chain clients {
    type nat hook prerouting priority dstnat
    tcp dport 53 redirect to :${IN_ORDER_PORT}
  }
}
`

/** The zones of one kube-dns pod, origin to text; `who` and everything below it is its number. */
export function kubeDnsZones(
  index: number,
  pods: number,
  families: readonly Family[],
): Record<string, string> {
  const zones: Record<string, string> = {
    'cluster.local.': clusterZone(index, pods, families),
    'in-addr.arpa.': `${soa}
@ 30 IN NS ns.dns.cluster.local.
10.0.96.10 30 IN PTR kube-dns.kube-system.svc.cluster.local.
1.0.96.10 30 IN PTR kubernetes.default.svc.cluster.local.
`,
    'ip6.arpa.': `${soa}
@ 30 IN NS ns.dns.cluster.local.
${reversed('fd00009600000000000000000000000a')} 30 IN PTR kube-dns.kube-system.svc.cluster.local.
`,
  }
  return zones
}

/** The zone of the name server beyond the cluster: every name exists. */
export const outsideZones: Readonly<Record<string, string>> = {
  '.': `@ 60 IN SOA ns.outside. hostmaster.outside. 1 7200 1800 86400 60
@ 60 IN NS ns.outside.
* 60 IN A 192.0.2.1
who.outside. 60 IN TXT "outside"
`,
}

const soa = '@ 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5'

function clusterZone(index: number, pods: number, families: readonly Family[]): string {
  const record = (name: string, ttl: number, address: (family: Family) => string): string =>
    families
      .map((family) => `${name} ${ttl} IN ${family === 'ipv4' ? 'A' : 'AAAA'} ${address(family)}\n`)
      .join('')
  const endpoints = Array.from({ length: pods }, (_, pod) =>
    record('kube-dns-pods.kube-system.svc', 30, (family) => addresses[family].kubeDnsPod(pod)),
  )
  return `${soa}
@ 5 IN NS ns.dns
ns.dns 5 IN A 10.96.0.10
who ${WHO_TTL} IN A 198.51.100.${index}
who ${WHO_TTL} IN AAAA 2001:db8::${index}
who ${WHO_TTL} IN TXT "kube-dns-${index}"
*.who ${WHO_TTL} IN TXT "kube-dns-${index}"
*.who ${WHO_TTL} IN A 198.51.100.${index}
*.who ${WHO_TTL} IN AAAA 2001:db8::${index}
kubernetes.default.svc 30 IN A 10.96.0.1
_https._tcp.kubernetes.default.svc 30 IN SRV 0 100 443 kubernetes.default.svc
web.default.svc 5 IN A 10.244.1.20
web.default.svc 5 IN A 10.244.1.21
external.default.svc 30 IN CNAME www.example.com.
_dns._udp.kube-dns.kube-system.svc 30 IN SRV 0 100 53 kube-dns.kube-system.svc
${record('kube-dns.kube-system.svc', 30, (family) => addresses[family].kubeDns)}\
${record('kube-dns-upstream.kube-system.svc', 30, (family) => addresses[family].upstream)}\
${endpoints.join('')}`
}

/** The labels of an address in ip6.arpa. @param digits 32 of them, hexadecimal */
function reversed(digits: string): string {
  return digits.split('').toReversed().join('.')
}
