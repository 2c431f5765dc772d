import { readFileSync } from 'node:fs'

import { ipText } from './sockaddr.ts'

/** A socket as the kernel lists it. */
export interface SocketEntry {
  /** The address it is bound to, in the form of RFC 5952; `0.0.0.0` and `::` for any. */
  readonly address: string
  /** Number in `/proc/<pid>/fd/<n>`, which reads `socket:[inode]`. */
  readonly inode: string
  /** Whether it takes what anybody sends: TCP in state LISTEN, UDP that is not connected. */
  readonly isServer: boolean
}

/** A table of sockets in /proc/net, of the network namespace of this process. */
export type SocketTable = 'tcp' | 'tcp6' | 'udp' | 'udp6'

/** How a table is read; a test has its own. */
export type ReadFile = (file: string) => string

/** `st` of a TCP socket that listens, and of a UDP socket that is not connected (TCP_CLOSE). */
const LISTEN = '0A'
const UNCONNECTED = '07'

/**
 * The sockets bound to a port, of all processes; none where /proc says nothing. A line begins
 *
 *     sl: address:port remote:port st tx:rx tr:when retrnsmt uid timeout inode
 *
 * with the address in hexadecimal, as words in the byte order of the machine.
 */
export function socketsOn(
  table: SocketTable,
  port: number,
  read: ReadFile = (file) => readFileSync(file, 'latin1'),
): SocketEntry[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const serving = table.startsWith('tcp') ? LISTEN : UNCONNECTED
  let text
  try {
    text = read(`/proc/net/${table}`)
  } catch {
    return []
  }
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '']) => local.endsWith(suffix))
    .map(([, local = '', , state, , , , , , inode = '']) => ({
      address: ipText(Buffer.from(local.slice(0, -suffix.length), 'hex').swap32()),
      inode,
      isServer: state === serving,
    }))
}
