import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type Owner, waitUntil } from '../helpers/processes.ts'

/** A cgroup with a memory limit, of whichever version has the memory controller here. */
export interface MemoryCgroup {
  readonly folder: string
  /** Where a container sees it. */
  readonly mountPoint: string
  /** The most that was charged to it up to now, the kernel's own memory included. */
  readonly peakMiB: () => number
}

const ROOT = '/sys/fs/cgroup'
const V1 = join(ROOT, 'memory')
const names = {
  v1: { limit: 'memory.limit_in_bytes', peak: 'memory.max_usage_in_bytes' },
  v2: { limit: 'memory.max', peak: 'memory.peak' },
} as const

/**
 * Made by hand: crun makes none where both versions are in use, as on some Debian 12. A process enters
 * by writing its id to `cgroup.procs` in the folder.
 */
export function makeMemoryCgroup(owner: Owner, name: string, bytes: number): MemoryCgroup {
  const isV1 = existsSync(V1)
  const { limit, peak } = isV1 ? names.v1 : names.v2
  const mountPoint = isV1 ? V1 : ROOT
  const folder = join(mountPoint, name)
  mkdirSync(folder)
  // The kernel lets a process go a little later than whoever killed it.
  owner.after(() => waitUntil(`${folder} to be empty`, () => isRemoved(folder)))
  writeFileSync(join(folder, limit), String(bytes))
  return {
    folder,
    mountPoint,
    peakMiB: () => Math.round(Number(readFileSync(join(folder, peak), 'utf8')) / 2 ** 20),
  }
}

function isRemoved(folder: string): boolean {
  try {
    rmdirSync(folder)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') return false
    throw error
  }
}
