import { type Family, LINK_LOCAL, addresses } from './addresses.ts'

/**
 * What the cluster's block caps TTLs at, in seconds. Above it, a kube-dns pod answered itself.
 */
export const CAPPED_TTL = 30

/**
 * Corefile.base of the official manifest after the installer's `sed`: the cluster's and the node's
 * name servers are still placeholders, which the daemon fills in.
 */
export function officialCorefile(families: readonly Family[]): string {
  const bind = [LINK_LOCAL, ...families.map((family) => addresses[family].kubeDns)].join(' ')
  const block = (zone: string, cache: string, forward: string, health = ''): string => `${zone}:53 {
    errors
    ${cache}
    reload
    loop
    bind ${bind}
    ${forward}
    prometheus :9253
${health}    }
`
  const success = `cache {\n            success 9984 ${CAPPED_TTL}\n            denial 9984 5\n    }`
  const cluster = 'forward . __PILLAR__CLUSTER__DNS__ {\n            force_tcp\n    }'
  return [
    block('cluster.local', success, cluster, `    health ${LINK_LOCAL}:8080\n`),
    block('in-addr.arpa', 'cache 30', cluster),
    block('ip6.arpa', 'cache 30', cluster),
    block('.', 'cache 30', 'forward . __PILLAR__UPSTREAM__SERVERS__'),
  ].join('')
}
