import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Owner } from '../processes.ts'

const ROOT = '/sys/fs/cgroup'

/** A cgroup with a limit of memory, below the one of this process. */
export interface MemoryGroup {
  /** Put before a command, it starts inside the group. */
  readonly wrapper: readonly string[]
}

/**
 * Makes a group of `limit` bytes, removed with its owner; a string says why there is none here.
 * Nothing of the parent changes, and whoever enters stays within the parent's own limit.
 */
export function memoryGroup(owner: Owner, limit: number): MemoryGroup | string {
  const parent = ownMemoryGroup()
  if (parent === null) return 'needs a cgroup of memory'
  const folder = join(parent.folder, `dnslet-${process.pid}`)
  try {
    mkdirSync(folder)
  } catch (cause) {
    return `needs a writable cgroup: ${(cause as NodeJS.ErrnoException).code}`
  }
  owner.after(() => rmdirSync(folder))
  const file = join(folder, parent.version === 1 ? 'memory.limit_in_bytes' : 'memory.max')
  // In version 2 the parent must pass the controller on, and may not while it has processes.
  if (!existsSync(file)) return 'needs the memory controller in its cgroup'
  writeFileSync(file, String(limit))
  const enter = 'echo $$ > "$0" && exec "$@"'
  return { wrapper: ['sh', '-c', enter, join(folder, 'cgroup.procs')] }
}

/** The group this process is in, of version 1 or 2; null without a mounted hierarchy. */
function ownMemoryGroup(): { folder: string; version: 1 | 2 } | null {
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').split('\n')) {
    const [, controllers = '', path = ''] = line.split(':')
    const isVersion1 = controllers.split(',').includes('memory')
    const candidates = isVersion1 ? [join(ROOT, 'memory', path)] : [join(ROOT, path)]
    if (!isVersion1 && controllers !== '') continue
    const file = isVersion1 ? 'memory.limit_in_bytes' : 'cgroup.subtree_control'
    // Inside a container the path may be the host's, and the mount be the group itself.
    if (isVersion1) candidates.push(join(ROOT, 'memory'))
    const folder = candidates.find((candidate) => existsSync(join(candidate, file)))
    if (folder !== undefined) return { folder, version: isVersion1 ? 1 : 2 }
  }
  return null
}
