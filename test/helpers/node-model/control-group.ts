import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Owner } from '../processes.ts'

const ROOT = '/sys/fs/cgroup'

/** What a group may use; each limit in the files of cgroup version 1 and 2. */
export const limits = {
  /** @param bytes of memory */
  memory: (bytes: number): Limit => ({
    controller: 'memory',
    version1: { 'memory.limit_in_bytes': String(bytes) },
    version2: { 'memory.max': String(bytes) },
  }),
  /** @param percent of one CPU, in periods of 100 ms as Kubernetes sets them */
  cpu: (percent: number): Limit => ({
    controller: 'cpu',
    version1: { 'cpu.cfs_period_us': '100000', 'cpu.cfs_quota_us': String(percent * 1000) },
    version2: { 'cpu.max': `${percent * 1000} 100000` },
  }),
} as const

interface Limit {
  readonly controller: string
  readonly version1: Readonly<Record<string, string>>
  readonly version2: Readonly<Record<string, string>>
}

/** A cgroup with a limit, below the one of this process. */
export interface ControlGroup {
  /** Put before a command, it starts inside the group. */
  readonly wrapper: readonly string[]
  /** Moves a process with all its threads into the group. */
  add(pid: number): void
}

/**
 * Makes a group with a limit; a string says why there is none here. Its owner's end removes it, so
 * who is to enter it has to be started later, by the same owner. Nothing of the parent changes, and
 * whoever enters stays within the parent's own limits.
 */
export function controlGroup(owner: Owner, limit: Limit): ControlGroup | string {
  const parent = ownGroup(limit.controller)
  if (parent === null) return `needs a cgroup with ${limit.controller}`
  const folder = join(parent.folder, `dnslet-${process.pid}`)
  try {
    mkdirSync(folder)
  } catch (cause) {
    return `needs a writable cgroup: ${(cause as NodeJS.ErrnoException).code}`
  }
  owner.after(() => rmdirSync(folder))
  for (const [name, value] of Object.entries(limit[parent.version])) {
    const file = join(folder, name)
    // In version 2 the parent must pass the controller on, and may not while it has processes.
    if (!existsSync(file)) return `needs the ${limit.controller} controller in its cgroup`
    writeFileSync(file, value)
  }
  const members = join(folder, 'cgroup.procs')
  return {
    wrapper: ['sh', '-c', 'echo $$ > "$0" && exec "$@"', members],
    add: (pid) => writeFileSync(members, String(pid)),
  }
}

interface Parent {
  readonly folder: string
  readonly version: 'version1' | 'version2'
}

/** The group this process is in; null without a mounted hierarchy. */
function ownGroup(controller: string): Parent | null {
  const groups = readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  // Inside a container the path may be the host's, and the mount be the group itself.
  const existing = (mount: string, path: string): string | undefined =>
    [join(mount, path), mount].find((folder) => existsSync(join(folder, 'cgroup.procs')))
  const named = groups.find(([, controllers]) => controllers?.split(',').includes(controller))
  const [, , path = ''] = named ?? groups.find(([number]) => number === '0') ?? []
  const folder = existing(named === undefined ? ROOT : join(ROOT, controller), path)
  if (folder === undefined) return null
  return { folder, version: named === undefined ? 'version2' : 'version1' }
}
