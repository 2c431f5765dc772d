import { readFileSync } from 'node:fs'

/** Where a container finds its own control group. */
const CGROUP = '/sys/fs/cgroup'
/** Cores. With less, a collection needs the quota of several periods: at a tenth it is a pause of half a second. */
export const CORES_TO_COLLECT = 0.25

/**
 * Cores that the control group's quota allows, as it is now: it can be changed while the process runs.
 * Infinity where there is none.
 *
 * @param cgroup the folder of the control group (version 2), or of its hierarchies (1)
 */
export function cpuLimit(cgroup: string = CGROUP): number {
  const limit = read(`${cgroup}/cpu.max`) ?? read(`${cgroup}/cpu/cpu.cfs_quota_us`) ?? ''
  const [quota, period = Number(read(`${cgroup}/cpu/cpu.cfs_period_us`))] = limit
    .split(' ')
    .map(Number)
  // "max" and -1 are no quota.
  return quota! > 0 && period > 0 ? quota! / period : Infinity
}

/**
 * Milliseconds so far in which the main thread was ready to run and had no core: others had it, or the quota
 * was used up. Timers do not show the latter: they are late by as much each time, where theirs is a multiple of
 * the quota's period. 0 where the kernel does not count.
 *
 * @param schedstat of the main thread, as in /proc: ns on a core, ns of waiting, turns
 */
export function mainThreadWait(schedstat = '/proc/self/schedstat'): number {
  const [, wait = 0] = (read(schedstat) ?? '').split(' ').map(Number)
  return wait / 1e6
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return null
  }
}
