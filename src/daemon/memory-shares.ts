import type { ByteBudget } from '../lib/byte-budget.ts'
import type { Log } from '../lib/log.ts'
import { boundHeap } from '../source/heap-room.ts'
import { cacheBytes } from './cache-budget.ts'
import { memoryLimit } from './memory-limit.ts'

/** Entries that go at a time where the limit has become lower: 100 µs of work. */
const SLICE = 256
const MIB = 1024 * 1024
/** As bin/dnslet gives it: a part of the limit, and no fewer bytes. What is most, V8 knows. */
const HEAP_PART = 1 / 4
const LEAST_HEAP = 32 * MIB

export interface MemorySharesParts {
  /** That of all caches. */
  readonly budget: ByteBudget
  readonly log: Log
  /** Bytes that the process may use now; null for as many as there are. Default: the kernel's word. */
  readonly read?: () => number | null
  /** Runs what is left of the work, after queries that wait. */
  readonly later?: (work: () => void) => void
}

/**
 * The shares of caches and of waiting queries in the memory that the control group allows. Kubernetes changes
 * that while a pod runs (in-place resize): they may have their parts of the new limit at once. V8's heap alone
 * stays what it was started with, so that a higher limit lets no more queries wait than that has room for.
 */
export class MemoryShares {
  readonly #budget: ByteBudget
  readonly #log: Log
  readonly #read: () => number | null
  readonly #later: (work: () => void) => void
  #limit: number | null
  #trims = false

  constructor({ budget, log, read = memoryLimit, later = setImmediate }: MemorySharesParts) {
    this.#budget = budget
    this.#log = log
    this.#read = read
    this.#later = later
    this.#limit = read()
  }

  /** To be called each few seconds: it costs 100 µs of CPU. */
  look(): void {
    const limit = this.#read()
    if (limit === this.#limit) return
    this.#limit = limit
    this.#budget.limit = cacheBytes(limit ?? 0)
    boundHeap(limit === null ? Infinity : Math.max(LEAST_HEAP, limit * HEAP_PART))
    this.#tell(limit)
    if (!this.#trims) this.#trim()
  }

  #tell(limit: number | null): void {
    const memory =
      limit === null ? 'There is no memory limit any more' : `The memory limit is ${mib(limit)} now`
    this.#log.info(`${memory}: all caches together may hold ${mib(this.#budget.limit)}`)
  }

  readonly #trim = (): void => {
    this.#trims = this.#budget.trim(SLICE)
    if (this.#trims) this.#later(this.#trim)
  }
}

function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`
}
