import { cpSync, globSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { temporaryFolder } from './nsd.ts'
import { answers } from './probe.ts'
import { type Owner, type Running, startProcess, waitUntil } from './processes.ts'

const root = join(import.meta.dirname, '../..')

/** The built daemon. */
export const bin: string = join(root, 'bin/dnslet')

/**
 * A daemon from another time: a copy of the built one that hands over by the next protocol. Its
 * `bin/dnslet`; gone with the owner.
 */
export function otherVersion(owner: Owner): string {
  const folder = temporaryFolder(owner)
  for (const part of ['bin', 'dist'])
    cpSync(join(root, part), join(folder, part), { recursive: true })
  for (const part of ['package.json', 'node_modules'])
    symlinkSync(join(root, part), join(folder, part))
  // The build has the number itself in place of PROTOCOL_VERSION.
  const changed = globSync('dist/**/*.js', { cwd: folder }).filter((name) => {
    const file = join(folder, name)
    const text = readFileSync(file, 'utf8')
    const other = text.replaceAll(/\bprotocol(:| ===| !==) 1\b/g, 'protocol$1 2')
    if (other !== text) writeFileSync(file, other)
    return other !== text
  })
  if (changed.length === 0) throw new Error('Cannot make another version: there is no protocol 1')
  return join(folder, 'bin/dnslet')
}

export interface Dnslet {
  readonly process: Running
  /** The Corefile's path, to write a new one. */
  readonly corefile: string
  readonly folder: string
  readonly stop: () => Promise<void>
}

export interface DnsletOptions {
  /** Where it has to answer before this resolves; none: it is not waited for. */
  readonly ready?: { readonly address: string; readonly port: number; readonly name?: string }
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Where the Corefile goes; default: a folder of its own. A successor has its predecessor's. */
  readonly conf?: string
}

/** Starts the built daemon, as the image does, with a Corefile of this text. */
export async function startDnslet(
  owner: Owner,
  corefile: string,
  { ready, args = [], env = {}, conf }: DnsletOptions = {},
): Promise<Dnslet> {
  const folder = temporaryFolder(owner)
  const file = conf ?? join(folder, 'Corefile')
  writeFileSync(file, corefile)
  const all = ['-conf', file, '-metrics-listen-address', '127.0.0.1:0', ...args]
  const daemon = startProcess(owner, bin, all, {
    ...process.env,
    // Daemons of other tests are not its predecessors.
    DNSLET_STATE_DIR: join(folder, 'state'),
    ...env,
  })
  if (ready !== undefined) {
    const { address, port, name = 'ready.test' } = ready
    await waitUntil('dnslet', () => answers(address, port, name), daemon)
  }
  return { process: daemon, corefile: file, folder, stop: daemon.stop }
}
