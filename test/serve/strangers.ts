import { clientPlace } from '../../src/serve/client-place.ts'
import { Query } from '../../src/serve/query.ts'
import { clientSockaddr } from '../../src/sys/sockaddr.ts'
import { FakeTarget } from './fake-target.ts'

/** The least counters that places of clients are spread over, those of `ReadAhead`. */
const COUNTERS = 1024

/** A query of the client with this address. */
export function queryFrom(address: string): Query {
  const q = new Query(new FakeTarget())
  q.client = clientSockaddr(address, 1)
  return q
}

/**
 * So many addresses of a /24, given by its first three octets, no two of which are the same client to this
 * process: of any two in a row some share a counter, by chance.
 */
export function strangers(count: number, network: string = '10.0.0'): string[] {
  const found = new Map<number, string>()
  for (let host = 1; found.size < count && host < 255; host++) {
    const address = `${network}.${host}`
    const counter = clientPlace(queryFrom(address)) % COUNTERS
    if (!found.has(counter)) found.set(counter, address)
  }
  return [...found.values()]
}
