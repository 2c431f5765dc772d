import { lookup, Resolver } from 'node:dns/promises'
import { reasonOf } from '../../lib/errors.ts'
import { type Endpoint, joinHostPort } from '../../lib/address.ts'

const TIMEOUT_MS = 2000

/** The addresses of a host, IPv4 first; rejects or resolves to none where there are none. */
type ResolveHost = (host: string) => Promise<readonly string[]>

/** Asks the system's resolver: hosts file, resolv.conf and whatever else it knows. */
const askSystem: ResolveHost = async (host) => {
  const found = await lookup(host, { all: true, order: 'ipv4first' })
  return found.map(({ address }) => address)
}

/** Asks these servers for A, then AAAA records. */
function askServers(servers: readonly Endpoint[]): ResolveHost {
  return async (name) => {
    const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 })
    resolver.setServers(servers.map(({ host, port }) => joinHostPort(host, port)))
    try {
      const found = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
      const addresses = found.flatMap((r) => (r.status === 'fulfilled' ? r.value : []))
      const [first] = found
      if (addresses.length === 0 && first.status === 'rejected') throw first.reason
      return addresses
    } finally {
      resolver.cancel()
    }
  }
}

/**
 * Resolves an upstream given by name, through `servers` or, where there are none, the system.
 * Rejects with an Error that names the host and the reason, after 2 s at the latest.
 */
export async function resolveHost(
  host: string,
  port: number,
  servers: readonly Endpoint[],
): Promise<readonly Endpoint[]> {
  const resolve = servers.length === 0 ? askSystem : askServers(servers)
  const name = host.replace(/\.$/, '')
  const stop = new AbortController()
  try {
    const addresses = await Promise.race([resolve(name), deadline(stop.signal)])
    if (addresses.length === 0) throw new Error('no addresses')
    return [...new Set(addresses)].map((address) => ({ host: address, port }))
  } catch (error) {
    throw new Error(
      `Cannot resolve upstream "${host}": ${reasonOf(error)}; ` +
        'name its addresses instead, or servers that know it with `resolver`',
      { cause: error },
    )
  } finally {
    stop.abort()
  }
}

function deadline(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer in 2s')), TIMEOUT_MS)
    signal.addEventListener('abort', () => clearTimeout(timer))
  })
}
