import { joinHostPort, isLinkLocal } from '../lib/address.ts'
import { lookUp } from '../lib/look-up.ts'

const TIMEOUT_MS = 2000

/** Looks a name up in the cluster's DNS: its addresses of both families; rejects where it has none. */
export type ClusterLookup = (name: string) => Promise<readonly string[]>

/** Looks a name up at one server's address, on port 53. */
export function lookupAt(address: string, name: string): Promise<readonly string[]> {
  return lookUp([joinHostPort(address, 53)], name, TIMEOUT_MS)
}

/**
 * Asks kube-dns itself, at its ClusterIP: that of the environment, and the -localip that are not
 * link-local, which are kube-dns's for as long as nothing is intercepted. Afterwards the latter are
 * our own; then the cluster's zone comes from the upstream already, or from nowhere.
 */
export function clusterLookup(
  env: Readonly<Record<string, string | undefined>>,
  localIps: readonly string[],
): ClusterLookup {
  const { KUBE_DNS_SERVICE_HOST: host, KUBE_DNS_SERVICE_PORT: port = '53' } = env
  const named = host === undefined ? [] : [joinHostPort(host, Number(port))]
  const local = localIps.filter((ip) => !isLinkLocal(ip)).map((ip) => joinHostPort(ip, 53))
  const servers = [...new Set([...named, ...local])]
  return async (name) => {
    if (servers.length === 0) throw new Error('no address of kube-dns is known to ask')
    return lookUp(servers, name, TIMEOUT_MS)
  }
}
