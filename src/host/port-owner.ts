import { openSync, read, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { canonicalAddress, unmapped } from '../lib/address.ts'
import { printable } from '../lib/printable.ts'
import { serversOn, type SocketTable } from '../sys/socket-table.ts'

/** A process that answers where we would. */
export interface PortOwner {
  /** What its socket is bound to: one of the addresses asked for, or a wildcard. */
  readonly address: string
  /** Null where its process is not to be seen: in another pod, without the node's process ids. */
  readonly pid: number | null
  /** Its command line, at most 80 characters of it, or '' where that is not to be seen. */
  readonly command: string
}

const TABLES = ['udp', 'udp6', 'tcp', 'tcp6'] as const

/**
 * Other processes of our network namespace with a UDP or listening TCP socket on this port, bound
 * to one of the addresses or to a wildcard that covers it. `::` covers IPv4 as well: /proc does not
 * show whether such a socket has IPV6_V6ONLY. Sockets that we hold too, because a predecessor handed
 * them over, are left out. Each process is listed once for each address.
 */
export function portOwners(addresses: readonly string[], port: number): readonly PortOwner[] {
  const others = othersOn(addresses.flatMap(boundTo), port)
  if (others.length === 0) return []
  const holders = processesWith(new Set(others.map(({ inode }) => inode)))
  const owners = others.map(({ address, inode }) => ({
    address,
    ...(holders.get(inode) ?? { pid: null, command: '' }),
  }))
  return [...new Map(owners.map((owner) => [`${owner.pid} ${owner.address}`, owner])).values()]
}

/** A UDP socket of another process on an address that we serve as well. */
export interface ForeignSocket {
  /** As it was asked for. */
  readonly address: string
  readonly inode: string
  /** The number of the user it belongs to. */
  readonly user: string
}

/** Inodes of sockets of ours, as they were when one was found that was not among them: the kernel counts them up. */
let ownInodes: ReadonlySet<string> = new Set()

/**
 * UDP sockets that other processes have on `addresses`. What is bound to a wildcard gets no query while we
 * are there. The tables are read on another thread: the kernel looks through all sockets of the node for
 * them, which takes milliseconds.
 */
export async function foreignSockets(
  addresses: readonly string[],
  port: number,
): Promise<readonly ForeignSocket[]> {
  const wanted = new Map(addresses.map((one) => [canonicalAddress(one), one]))
  const tables = await Promise.all([readTable('udp'), readTable('udp6')])
  const sockets = tables
    .flatMap((lines, i) => serversOn(i === 0 ? 'udp' : 'udp6', port, () => lines))
    .filter(({ address }) => wanted.has(unmapped(address)))
  if (sockets.every(({ inode }) => ownInodes.has(inode))) return []
  ownInodes = socketsOf('self')
  return sockets
    .filter(({ inode }) => !ownInodes.has(inode))
    .map(({ address, inode, user }) => ({ address: wanted.get(unmapped(address))!, inode, user }))
}

/**
 * `1234 (node server.js)` for each of these sockets whose process is to be seen, by inode. Every process
 * of the machine is looked at, where this one sees them.
 */
export async function ownersOf(inodes: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const wanted = new Set(inodes)
  const owners = new Map<string, string>()
  for (const pid of listed('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const inode of socketsOf(pid)) {
      if (wanted.has(inode)) owners.set(inode, `${pid} (${commandOf(pid)})`)
    }
    // There may be thousands of processes, and queries wait meanwhile.
    await nextTurn()
  }
  return owners
}

/** Octets for a read of a table: the kernel gives a page at once. */
const PAGE = 4096
/** Octets that no line has. As long as another one has room the kernel adds it: where more is left, it was the last. */
const LINE = 512
/** Descriptors of the tables, opened once: of a file that is opened anew each of five steps is another thread's. */
const openTables = new Map<SocketTable, number>()

/** The lines of a table; none where there is none. Never rejects. */
function readTable(table: SocketTable): Promise<string[]> {
  const bytes = Buffer.allocUnsafe(PAGE)
  let text = ''
  return new Promise((resolve) => {
    let fd: number
    try {
      fd = openTables.get(table) ?? openSync(`/proc/net/${table}`, 'r')
      openTables.set(table, fd)
    } catch {
      resolve([])
      return
    }
    const next = (at: number): void => {
      read(fd, bytes, 0, PAGE, at, (error, length) => {
        if (error !== null || length === 0) return resolve(text.split('\n'))
        text += bytes.toString('latin1', 0, length)
        // Each read is a way to another thread and back.
        if (length < PAGE - LINE) resolve(text.split('\n'))
        else next(at + length)
      })
    }
    next(0)
  })
}

function othersOn(bound: readonly string[], port: number): { address: string; inode: string }[] {
  const wanted = new Set(bound)
  const sockets = TABLES.flatMap((table) => serversOn(table, port))
    .map(({ address, inode }) => ({ address: unmapped(address), inode }))
    .filter(({ address }) => wanted.has(address))
  if (sockets.length === 0) return []
  const own = socketsOf('self')
  return sockets.filter(({ inode }) => !own.has(inode))
}

/** The addresses of sockets that get what is sent to `address`. */
function boundTo(address: string): string[] {
  return address.includes(':') ? [canonicalAddress(address), '::'] : [address, '0.0.0.0', '::']
}

/** The processes that have these sockets, as far as they are to be seen, by inode. */
export function processesWith(
  inodes: ReadonlySet<string>,
): ReadonlyMap<string, { readonly pid: number; readonly command: string }> {
  const found = new Map<string, { pid: number; command: string }>()
  for (const pid of listed('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const inode of socketsOf(pid)) {
      if (inodes.has(inode)) found.set(inode, { pid: Number(pid), command: commandOf(pid) })
    }
  }
  return found
}

/** Inodes of the sockets of a process; none where we may not look. */
function socketsOf(pid: string): Set<string> {
  const inodes = new Set<string>()
  for (const fd of listed(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
      if (inode !== undefined) inodes.add(inode)
    } catch {
      // Closed since, as is the descriptor of the listing itself.
    }
  }
  return inodes
}

/** Not /proc/<pid>/comm, which reads "MainThread" for every program of Node.js. */
function commandOf(pid: string): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    // A process chooses its command line itself, and it goes to logs and terminals.
    return printable(words.trim().slice(0, 80))
  } catch {
    return ''
  }
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
