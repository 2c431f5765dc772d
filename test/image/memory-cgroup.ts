import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Owner } from '../helpers/processes.ts'

/** A cgroup with a memory limit, of whichever version has the memory controller here. */
export interface MemoryCgroup {
  readonly folder: string
  /** Where a container sees it. */
  readonly mountPoint: string
}

const ROOT = '/sys/fs/cgroup'
const V1 = join(ROOT, 'memory')

/**
 * Made by hand: crun makes none where both versions are in use, as on some Debian 12. A process enters
 * by writing its id to `cgroup.procs` in the folder.
 */
export function makeMemoryCgroup(owner: Owner, name: string, bytes: number): MemoryCgroup {
  const isV1 = existsSync(V1)
  const folder = join(isV1 ? V1 : ROOT, name)
  mkdirSync(folder)
  owner.after(() => rmdirSync(folder))
  writeFileSync(join(folder, isV1 ? 'memory.limit_in_bytes' : 'memory.max'), String(bytes))
  return { folder, mountPoint: isV1 ? V1 : ROOT }
}
