import { ByteBudget } from '../lib/byte-budget.ts'

const MIB = 1024 * 1024
/** More than two full caches of the largest answers that are common. */
const DEFAULT_LIMIT = 64 * MIB
/** The rest is for the process itself. */
const SHARE_OF_MEMORY = 4

/**
 * The bytes that all caches may hold together: 64 MiB, or a quarter of the memory that the cgroup
 * allows where that is less.
 *
 * @param memoryLimit bytes the process may use, 0 where nothing limits it
 */
export function cacheBytes(memoryLimit: number): number {
  const share = Math.floor(memoryLimit / SHARE_OF_MEMORY)
  return share > 0 ? Math.min(DEFAULT_LIMIT, share) : DEFAULT_LIMIT
}

/** The budget of all caches, as `cacheBytes()` has it. */
export function openCacheBudget(memoryLimit: number = process.constrainedMemory()): ByteBudget {
  return new ByteBudget(cacheBytes(memoryLimit))
}
