import { threadCpu } from '../lib/thread-cpu.ts'
import { collectGarbageAndCode } from '../lib/v8-flags.ts'
import { anonymousBytes, dropMappedFiles } from '../sys/resident.ts'
import { libc } from '../sys/libc.ts'
import { CORES_TO_COLLECT, cpuLimit, mainThreadWait } from '../lib/cpu-shortage.ts'

/** How often somebody looks: each five seconds, by a beat that may be early. */
const LOOK_MS = 4_500
/** The least time from one collection to the next: a heap that grows back under calm load is what it needs. */
const REST_MS = 600_000
/** The share of a core that is taken at most where a pause of a few ms is no harm, */
const CALM = 0.05
/** and where nearly nobody asks: some 100 queries a second. A collection is a pause of 20 to 60 ms. */
const QUIET = 0.01
/** Who is never quiet gets it so long after it was due. */
const PATIENCE_MS = 3_600_000
/** Milliseconds of CPU without which nothing has grown, and to read how much it is costs more than all else here. */
const LEAST_CPU = 25
/** Who waits for a core so many times as long as it has one uses little CPU time because it gets no more. */
const STARVED = 3
/** Bytes that have to have come since the last time. */
const GROWTH = 6 * 2 ** 20
/** After a storm nobody waits: no heap grows by so much under calm load. */
const STORM = 24 * 2 ** 20

export interface GiveBackParts {
  /** Milliseconds of CPU that the thread of the event loop has had so far. */
  readonly cpu?: () => number
  /** Milliseconds that it has waited for a core so far. */
  readonly wait?: () => number
  /** Cores that it may use; Infinity where nothing says how many. */
  readonly limit?: () => number
  /** Bytes that are the process's own; 0 where that is not known. */
  readonly anonymous?: () => number
  /** @param collects whether garbage is collected too */
  readonly give?: (collects: boolean) => void
}

/**
 * Gives back what the start, and later a storm, has left behind. V8 collects when its heap is full to a
 * multiple of what was in use, which a quiet process comes to after hours or never, and the C library keeps
 * what is free. Who looks does so when there is little to do, and only where memory has grown since. Garbage is
 * collected when nearly nobody asks; where some do, that is put off.
 *
 * A process that gets little CPU time uses little too, and would stand still for seconds: nothing is given back
 * then. Nor is garbage collected under a small CPU limit, even where there is nothing else to do, as queries come
 * in the meantime; the rest costs a tenth of that.
 */
export class GiveBack {
  readonly #cpu: () => number
  readonly #wait: () => number
  readonly #limit: () => number
  readonly #anonymous: () => number
  readonly #give: (collects: boolean) => void
  #lookedAt = -Infinity
  #gaveAt = -Infinity
  #lastCpu = 0
  /** The waiting when it was read last, and the CPU time then: a file is read for it. */
  #lastWait = 0
  #waitCpu = 0
  /** The CPU time when memory was read last. */
  #readCpu = -Infinity
  /** Bytes that were left, or 0 before the first time. */
  #left = 0
  /** When a collection was put off. */
  #owedSince = Infinity

  constructor({
    cpu = threadCpu,
    wait = mainThreadWait,
    limit = cpuLimit,
    anonymous = anonymousBytes,
    give = giveBack,
  }: GiveBackParts = {}) {
    this.#cpu = cpu
    this.#wait = wait
    this.#limit = limit
    this.#anonymous = anonymous
    this.#give = give
  }

  /** To be called each five seconds. @param now of `Clock.now` */
  look(now: number): void {
    const passed = now - this.#lookedAt
    if (passed < LOOK_MS) return
    const cpu = this.#cpu()
    const used = cpu - this.#lastCpu
    this.#lookedAt = now
    this.#lastCpu = cpu
    if (cpu - this.#readCpu < LEAST_CPU) return
    const wait = this.#wait()
    const isStarved = wait - this.#lastWait > STARVED * (cpu - this.#waitCpu)
    this.#lastWait = wait
    this.#waitCpu = cpu
    // The first time begins the first five seconds.
    if (passed === Infinity || used > CALM * passed || isStarved) return
    this.#readCpu = cpu
    const bytes = this.#anonymous()
    const growth = now - this.#gaveAt < REST_MS ? STORM : GROWTH
    const isQuiet = used <= QUIET * passed
    const isOwed = isQuiet ? this.#owedSince < Infinity : now - this.#owedSince >= PATIENCE_MS
    if (isOwed || bytes >= this.#left + growth) this.#giveBack(now, isQuiet)
    else this.#left = Math.min(this.#left, bytes)
  }

  #giveBack(now: number, isQuiet: boolean): void {
    const mayCollect = this.#limit() >= CORES_TO_COLLECT
    const collects = mayCollect && (isQuiet || now - this.#owedSince >= PATIENCE_MS)
    this.#owedSince = mayCollect && !collects ? Math.min(this.#owedSince, now) : Infinity
    this.#gaveAt = now
    this.#give(collects)
    this.#left = this.#anonymous()
  }
}

/** Collects garbage and code, where it is to and V8 may be told, and returns what is free, and files' pages, to the kernel. */
function giveBack(collects: boolean): void {
  if (collects) collectGarbageAndCode()
  const { libc: calls } = libc()
  if (calls === null) return
  calls.malloc_trim(0)
  dropMappedFiles(calls)
}
