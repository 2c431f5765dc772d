import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { descriptorOf } from '../lib/descriptor-of.ts'
import { libc } from '../sys/libc.ts'
import { peerCredentials } from '../sys/scm.ts'

/** Of the names of the sockets, in the abstract namespace, which belongs to the network namespace. */
const PREFIX = 'dnslet-node-'
/** Milliseconds after which a dnslet that says nothing counts as frozen. */
const PATIENCE_MS = 1_000
/** Octets of what is said; more is none of ours. */
const LIMIT = 16_384
/** Sockets asked at once: whoever likes may make thousands of such a name. */
const AT_ONCE = 64

/** What a dnslet that changes this node's network says of itself. */
export interface Presence {
  readonly addresses: readonly string[]
  readonly port: number
  /** Its link, whatever it was told to call it. */
  readonly interfaceName: string
  /** What sets its rules and interface apart from those of others; '' for most. */
  readonly scope: string
}

/** Other dnslet of the same network, found by their sockets. */
interface Found {
  readonly alive: readonly Presence[]
  /** Those that take connections and do not answer. */
  readonly silent: number
}

/** What tells others that this process is here. */
export interface Announcement {
  stop(): void
}

/**
 * Tells those that ask that this process serves here. Pods with the node's network need not share
 * anything else by which they could see each other: no files, no process ids. It is told nothing but
 * what /proc/net shows as well, so it may be open to all of them. Null where there is no such socket.
 *
 * @param asked called before the asker has an answer: another dnslet starts here, as a rule
 */
export async function announcePresence(
  presence: Presence,
  asked: () => void = () => {},
): Promise<Announcement | null> {
  const server = createServer((socket) => {
    asked()
    socket.on('error', () => {}).end(JSON.stringify(presence))
    // Whatever the asker does: anybody may connect, and who keeps his end open must not keep ours.
    socket.destroySoon()
  })
  return new Promise((resolve) => {
    server.on('error', () => resolve(null))
    server.listen(`\0${PREFIX}${randomBytes(8).toString('hex')}`, () => {
      server.unref()
      resolve({ stop: () => void server.close() })
    })
  })
}

/** Asks every other dnslet of this network namespace. Never rejects. */
export async function findNeighbours(patienceMs: number = PATIENCE_MS): Promise<Found> {
  const names = socketNames()
  const asked: (Presence | 'silent' | null)[] = []
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const some = names.slice(at, at + AT_ONCE)
    asked.push(...(await Promise.all(some.map((name) => ask(name, patienceMs)))))
  }
  const alive = asked.filter((one) => one !== null && one !== 'silent')
  return { alive, silent: asked.filter((one) => one === 'silent').length }
}

/**
 * Sockets by which dnslets that change this node's network tell of themselves, by their inodes. Looking at
 * them asks nobody: who is asked takes the asker for a dnslet that starts, and opens its port to it.
 */
export function presenceSockets(): readonly string[] {
  try {
    const table = readFileSync('/proc/net/unix', 'latin1')
    const listening = new RegExp(
      `^\\S+: \\S+ \\S+ 00010000 \\S+ \\S+ +(\\d+) @${PREFIX}[0-9a-f]+$`,
      'gm',
    )
    return [...table.matchAll(listening)].map(([, inode = '']) => inode)
  } catch {
    return []
  }
}

/** In /proc/net/unix the zero octet that such a name begins with is an @. */
function socketNames(): string[] {
  try {
    const table = readFileSync('/proc/net/unix', 'latin1')
    const names = table.matchAll(new RegExp(`@(${PREFIX}[0-9a-f]+)$`, 'gm'))
    return [...new Set([...names].map(([, name = '']) => name))]
  } catch {
    return []
  }
}

function ask(name: string, patienceMs: number): Promise<Presence | 'silent' | null> {
  return new Promise((resolve) => {
    const socket = connect(`\0${name}`)
    const end = (result: Presence | 'silent' | null): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(result)
    }
    const timer = setTimeout(() => end('silent'), patienceMs)
    let said = ''
    socket.once('connect', () => isTrusted(socket) || end(null))
    socket.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.length > LIMIT) end(null)
    })
    // It is ending: nobody to reckon with.
    socket.on('error', () => end(null)).on('end', () => end(readPresence(said)))
  })
}

/**
 * Whether a dnslet may be at the other end: it runs as root, or as we do. Any process of the node's network could else
 * pretend to be one, frozen or not, and keep others from starting and cleaning up.
 */
function isTrusted(socket: Socket): boolean {
  const { libc: library } = libc()
  if (library === null) return true
  try {
    const { uid } = peerCredentials(library, descriptorOf(socket))
    return uid === 0 || uid === process.geteuid?.()
  } catch {
    // It has gone already.
    return false
  }
}

function readPresence(said: string): Presence | null {
  try {
    const { addresses, port, interfaceName, scope } = JSON.parse(said) as Presence
    const sound =
      Array.isArray(addresses) &&
      addresses.every((one) => typeof one === 'string') &&
      typeof port === 'number' &&
      typeof interfaceName === 'string' &&
      typeof scope === 'string'
    return sound ? { addresses, port, interfaceName, scope } : null
  } catch {
    return null
  }
}
