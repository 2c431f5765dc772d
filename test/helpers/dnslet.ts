import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { temporaryFolder } from './nsd.ts'
import { answers } from './probe.ts'
import { type Owner, type Running, startProcess, waitUntil } from './processes.ts'

/** The built daemon. */
export const bin: string = join(import.meta.dirname, '../../bin/dnslet')

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
}

/** Starts the built daemon, as the image does, with a Corefile of this text. */
export async function startDnslet(
  owner: Owner,
  corefile: string,
  { ready, args = [], env = {} }: DnsletOptions = {},
): Promise<Dnslet> {
  const folder = temporaryFolder(owner)
  const file = join(folder, 'Corefile')
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
