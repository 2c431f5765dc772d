import { spawnSync } from 'node:child_process'

import { inheritedEnvironment } from '../children.ts'
import type { Server } from './server.ts'

/** The version a server prints, or "?" when it prints none. */
export function readVersion(server: Server): string {
  const [program, ...argv] = server.versionArgv ?? []
  if (program === undefined) return '?'
  const { stdout, stderr } = spawnSync(program, argv, {
    env: inheritedEnvironment(),
    encoding: 'utf8',
    timeout: 5000,
  })
  return /\d+\.\d+(?:\.\d+)*/.exec(`${stdout}${stderr}`)?.at(0) ?? '?'
}
