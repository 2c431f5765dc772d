import { KUBE_DNS, SERVICE, type SmallNode } from './small-node.ts'

/**
 * What kube-proxy does for the Service, with iptables: DNAT to one of the pods, and masquerading of
 * what does not come from pods.
 * @param program `iptables-nft` or `iptables-legacy`
 */
export function loadKubeProxy(n: SmallNode, program: string): void {
  n.run(`${program}-restore`, ['-n'], rules(SERVICE.ipv4, KUBE_DNS.ipv4, '10.244.0.0/16'))
  n.run(`${program.replace('ip', 'ip6')}-restore`, ['-n'], rules(SERVICE.ipv6, v6, 'fd00:244::/64'))
}

const v6 = KUBE_DNS.ipv6.map((pod) => `[${pod}]`)

function rules(service: string, [first, second]: readonly string[], pods: string): string {
  const dnat = (protocol: string): string => `
-A KUBE-SERVICES -d ${service} -p ${protocol} --dport 53 -j KUBE-SVC
-A KUBE-SVC -p ${protocol} -m statistic --mode random --probability 0.5 -j DNAT --to-destination ${first}:53
-A KUBE-SVC -p ${protocol} -j DNAT --to-destination ${second}:53`
  return `*mangle
:KUBE-KUBELET-CANARY - [0:0]
COMMIT
*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC - [0:0]
:KUBE-MARK-MASQ - [0:0]
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-SVC ! -s ${pods} -j KUBE-MARK-MASQ
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE${dnat('udp')}${dnat('tcp')}
COMMIT
`
}

/** A firewall as strict as nodes have them: what is not tracked and not accepted is dropped. */
export function loadFirewall(n: SmallNode, program: string): void {
  const icmp = '-A INPUT -p ipv6-icmp -j ACCEPT\n'
  n.run(`${program}-restore`, ['-n'], firewall(''))
  n.run(`${program.replace('ip', 'ip6')}-restore`, ['-n'], firewall(icmp))
}

function firewall(more: string): string {
  return `*filter
:INPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
${more}COMMIT
`
}

/** The rules of node-cache for one address, as it leaves them behind when it is killed. */
export function loadNodeCache(n: SmallNode, program: string, address: string): void {
  const skip = '-m comment --comment "NodeLocal DNS Cache: skip conntrack" -j NOTRACK'
  const allow = '-m comment --comment "NodeLocal DNS Cache: allow DNS traffic" -j ACCEPT'
  const each = (rule: (protocol: string) => string): string => `${rule('tcp')}\n${rule('udp')}`
  n.run(
    `${program}-restore`,
    ['-n'],
    `*raw
${each((p) => `-I PREROUTING -p ${p} -d ${address} --dport 53 ${skip}`)}
${each((p) => `-I OUTPUT -p ${p} -s ${address} --sport 53 ${skip}`)}
${each((p) => `-I OUTPUT -p ${p} -d ${address} --dport 53 ${skip}`)}
-I OUTPUT -p tcp -d ${address} --dport 8080 ${skip}
-I OUTPUT -p tcp -s ${address} --sport 8080 ${skip}
COMMIT
*filter
${each((p) => `-I INPUT -p ${p} -d ${address} --dport 53 ${allow}`)}
${each((p) => `-I OUTPUT -p ${p} -s ${address} --sport 53 ${allow}`)}
COMMIT
`,
  )
}

/** The map in which kube-proxy's nftables mode has its Services. */
export function loadNftablesServices(n: SmallNode): void {
  const table = (
    family: string,
    type: string,
    address: string,
  ): string => `table ${family} kube-proxy {
  chain service { }
  map service-ips {
    type ${type} . inet_proto . inet_service : verdict
    elements = { ${address} . udp . 53 : goto service, ${address} . tcp . 53 : goto service }
  }
}
`
  const tables = [table('ip', 'ipv4_addr', SERVICE.ipv4), table('ip6', 'ipv6_addr', SERVICE.ipv6)]
  n.run('nft', ['-f', '-'], tables.join(''))
}
