import { closeSync, openSync, readSync } from 'node:fs'

import { ipText } from './sockaddr.ts'

/** A socket that a server has. */
export interface ServerSocket {
  /** The address it is bound to, in the form of RFC 5952; `0.0.0.0` and `::` for any. */
  readonly address: string
  /** Number in `/proc/<pid>/fd/<n>`, which reads `socket:[inode]`. */
  readonly inode: string
  /** The user that it belongs to, as a number. */
  readonly user: string
  /** Datagrams that it had no room for; 0 for TCP. */
  readonly drops: number
}

/** A table of sockets in /proc/net, of the network namespace of this process. */
export type SocketTable = 'tcp' | 'tcp6' | 'udp' | 'udp6'

/** The lines of a file, without their ends; throws where there is none. A test has its own. */
export type ReadLines = (file: string) => Iterable<string>

/** `st` of a TCP socket that listens, and of a UDP socket that is not connected (TCP_CLOSE). */
const LISTEN = '0A'
const UNCONNECTED = '07'

const CHUNK_SIZE = 16 * 1024

/**
 * The sockets that take what anybody sends to a port, of all processes: TCP in state LISTEN, UDP that
 * is not connected. None where /proc says nothing. After the header a line begins
 *
 *     sl: address:port remote:port st tx:rx tr:when retrnsmt uid timeout inode
 *
 * with the address in hexadecimal, as words in the byte order of the machine. The kernel lists TCP
 * sockets that listen before all others, and reading ends with them: a busy node has 100,000 in state
 * TIME_WAIT, 15 MB of text.
 *
 * The kernel goes by position from one read to the next: a socket that is opened meanwhile makes it
 * list another one again, which counts once, and one that is closed makes it skip one.
 */
export function serversOn(
  table: SocketTable,
  port: number,
  read: ReadLines = linesOf,
): ServerSocket[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const isTcp = table.startsWith('tcp')
  const servers = new Map<string, ServerSocket>()
  try {
    for (const line of read(`/proc/net/${table}`)) {
      const words = line.trim().split(/\s+/)
      const [number = '', local = '', , state, , , , user = '', , inode = ''] = words
      if (!number.endsWith(':')) continue
      if (isTcp && state !== LISTEN) break
      if (!local.endsWith(suffix) || state !== (isTcp ? LISTEN : UNCONNECTED)) continue
      const address = ipText(Buffer.from(local.slice(0, -suffix.length), 'hex').swap32())
      const drops = isTcp ? 0 : Number(words[12]) || 0
      servers.set(inode, { address, inode, user, drops })
    }
  } catch {
    return []
  }
  return [...servers.values()]
}

/** Reads no further than it is asked to. */
function* linesOf(file: string): Generator<string, void, undefined> {
  const fd = openSync(file, 'r')
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_SIZE)
    let rest = ''
    for (let length; (length = readSync(fd, chunk)) > 0;) {
      const lines = (rest + chunk.toString('latin1', 0, length)).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } finally {
    closeSync(fd)
  }
}
