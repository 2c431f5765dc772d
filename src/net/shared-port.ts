import { readFileSync } from 'node:fs'

import { canonicalIPv6, ipText } from '../sys/sockaddr.ts'

/** `st` of a listening socket in /proc/net/tcp. */
const LISTEN = '0A'

/** Where the kernel lists TCP sockets, the IPv4 ones and the IPv6 ones. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const

/**
 * Whether some process listens on exactly this address already. SO_REUSEPORT lets us listen as well,
 * which an upgrade needs; in any other case the kernel hands half of our clients to somebody else,
 * and nothing fails. TCP tells for UDP too: a DNS server has both. False where /proc says nothing.
 *
 * @param host an IP address, or '' for every one
 */
export function isPortShared(
  host: string,
  port: number,
  read: (file: string) => string = (file) => readFileSync(file, 'latin1'),
): boolean {
  const wanted = host === '' ? '::' : host.replace(/%.*$/, '')
  const listening = TABLES.flatMap((file) => {
    try {
      return listeners(read(file), port)
    } catch {
      return []
    }
  })
  return listening.includes(wanted.includes(':') ? canonicalIPv6(wanted) : wanted)
}

/**
 * Addresses that listen on a port. A line begins `sl: address:port remote:port st`, the address in
 * hexadecimal as words in the byte order of the machine.
 */
function listeners(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => state === LISTEN && local.endsWith(suffix))
    .map(([, local = '']) => ipText(Buffer.from(local.slice(0, -suffix.length), 'hex').swap32()))
}
