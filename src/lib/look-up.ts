import { Resolver } from 'node:dns/promises'

/**
 * Asks `servers` (`host:port`) once for the addresses of a name, IPv4 before IPv6. Rejects where there
 * are none, with what became of the question for IPv4.
 *
 * @param timeout milliseconds
 */
export async function lookUp(
  servers: readonly string[],
  name: string,
  timeout: number,
): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout, tries: 1 })
  resolver.setServers(servers)
  const found = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  const addresses = found.flatMap((r) => (r.status === 'fulfilled' ? r.value : []))
  if (addresses.length === 0 && found[0].status === 'rejected') throw found[0].reason
  return addresses
}
