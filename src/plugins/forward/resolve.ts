import { lookup } from 'node:dns/promises'
import { type Endpoint, joinHostPort } from '../../lib/address.ts'
import { reasonOf } from '../../lib/errors.ts'
import { lookUp } from '../../lib/look-up.ts'

const TIMEOUT_MS = 2000

/** Asks the system's resolver: hosts file, resolv.conf and whatever else it knows. */
async function askSystem(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, order: 'ipv4first' })
  return found.map(({ address }) => address)
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
  const name = host.replace(/\.$/, '')
  const named = servers.map((server) => joinHostPort(server.host, server.port))
  const stop = new AbortController()
  try {
    const asked = named.length === 0 ? askSystem(name) : lookUp(named, name, TIMEOUT_MS)
    const addresses = await Promise.race([asked, deadline(stop.signal)])
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
