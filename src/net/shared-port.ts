import { canonicalAddress } from '../lib/address.ts'
import { type ReadLines, serversOn } from '../sys/socket-table.ts'

/**
 * Whether some process listens on exactly this address already. SO_REUSEPORT lets us listen as well,
 * which an upgrade needs; in any other case the kernel hands half of our clients to somebody else,
 * and nothing fails. TCP tells for UDP too: a DNS server has both. False where /proc says nothing.
 *
 * @param host an IP address, or '' for every one
 */
export function isPortShared(host: string, port: number, read?: ReadLines): boolean {
  const bare = host === '' ? '::' : host.replace(/%.*$/, '')
  const wanted = canonicalAddress(bare)
  // One table: behind its listeners the kernel goes through all connections of the machine, however few are ours.
  return serversOn(wanted.includes(':') ? 'tcp6' : 'tcp', port, read).some(
    ({ address }) => address === wanted,
  )
}
