import { lstatSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalAddress } from '../lib/address.ts'
import type { Log } from '../lib/log.ts'
import type { Libc } from '../sys/libc.ts'
import { Rtnetlink } from '../sys/rtnetlink.ts'
import type { Programs } from './programs.ts'
import { findBackends } from './rules/iptables-backend.ts'
import { Iptables } from './rules/iptables.ts'
import { StateFile } from './state-directory.ts'

/** Tables of every dnslet, and what their names end in: its scope. */
const TABLE = /^table inet dnslet((?:-[0-9a-f]{4})?)$/
/** What a dnslet keeps, or is told to keep there; a file that was being written has six random octets at its end. */
const files = new Set<string>([...Object.values(StateFile), 'Corefile', 'xtables.lock'])
const UNFINISHED = /\.[0-9a-f]{12}$/
/** Directories in the state directory: those of a user, and of an identity. */
const FOLDER = /^(\d+|[0-9a-f]{12})$/

/**
 * Removes packet rules of node-cache and of every dnslet but those of the `alive` scopes: our tables, and
 * what has our comments in both backends of iptables. Returns a line for each thing removed. Rejects with
 * ProgramError.
 */
export async function removeRules(
  programs: Programs,
  alive: ReadonlySet<string>,
  log: Log,
): Promise<string[]> {
  const removed: string[] = []
  const tables = await programs.run('nft', ['list', 'tables', 'inet']).catch(() => [])
  for (const line of tables) {
    const scope = TABLE.exec(line)?.[1]
    if (scope === undefined || alive.has(scope)) continue
    await programs.run('nft', ['delete', ...line.split(' ')])
    removed.push(line)
  }
  const backends = await findBackends(programs)
  const iptables = new Iptables(programs, backends, log, { authors: authorsExcept(alive) })
  const rules = (await iptables.install([])).length
  return rules === 0 ? removed : [...removed, `${rules} rules of iptables`]
}

/** A regular expression for the authors in comments of rules. */
function authorsExcept(alive: ReadonlySet<string>): string {
  const scopes = [...alive].filter((scope) => scope !== '').map((scope) => scope.slice(1))
  const other = scopes.length === 0 ? '' : `(?!(?:${scopes.join('|')}):)`
  const scoped = `dnslet-${other}[0-9a-f]{4}`
  return alive.has('') ? scoped : `NodeLocal DNS Cache|dnslet|${scoped}`
}

/**
 * Removes the link of this name where it is one that outlives its maker (a dummy), and the addresses from
 * `lo`, where they were for want of a link. Returns a line for each thing removed. Throws SyscallError.
 */
export function removeLink(libc: Libc, name: string, addresses: readonly string[]): string[] {
  const rtnetlink = new Rtnetlink(libc)
  try {
    const removed: string[] = []
    const link = rtnetlink.link(name)
    if (link?.kind === 'dummy') {
      rtnetlink.deleteLink(link.index)
      removed.push(`link ${name}`)
    }
    const loopback = rtnetlink.link('lo')
    if (loopback === null) return removed
    const ours = new Set(addresses.map(canonicalAddress))
    for (const { address } of rtnetlink.addresses(loopback.index)) {
      if (!ours.has(address)) continue
      rtnetlink.deleteAddress(loopback.index, address)
      removed.push(`address ${address} on lo`)
    }
    return removed
  } finally {
    rtnetlink.close()
  }
}

/**
 * Removes what a dnslet has kept in the state directory, and the directory where it is empty then.
 * Others' files stay. Returns a line for each thing removed. Throws Node's error.
 */
export function removeState(directory: string): string[] {
  return [...clear(directory)]
}

function* clear(directory: string): Generator<string> {
  if (lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory() && FOLDER.test(entry.name)) yield* clear(path)
    else if (!entry.isDirectory() && files.has(entry.name.replace(UNFINISHED, ''))) {
      rmSync(path)
      yield path
    }
  }
  if (readdirSync(directory).length > 0) return
  try {
    rmdirSync(directory)
    yield directory
  } catch {
    // Mounted here: it is the node's to remove.
  }
}
