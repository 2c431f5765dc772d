import { globSync } from 'node:fs'
import { join } from 'node:path'

import { openStateDirectory } from '../../src/host/state-directory.ts'
import { stateIdentity } from '../../src/node/state.ts'
import { parseArgs } from '../../src/options/options.ts'
import { nullLog } from './null-log.ts'

/** A file that some dnslet keeps in this DNSLET_STATE_DIR; null where none does yet. */
export function stateFile(directory: string, name: string): string | null {
  return globSync(join(directory, '**', name))[0] ?? null
}

/** Where a dnslet of these arguments in this network keeps its state; made where it is missing. */
export function stateFolderOf(directory: string, args: readonly string[]): string {
  const command = parseArgs(args)
  if (command.kind !== 'serve') throw new Error(`Cannot serve with ${args.join(' ')}`)
  const identity = stateIdentity(command.options)
  const env = { DNSLET_STATE_DIR: directory }
  const folder = openStateDirectory({ env, identity, needed: false, log: nullLog })
  if (folder === null) throw new Error(`Cannot keep state in ${directory}`)
  return folder
}
