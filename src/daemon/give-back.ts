import { threadCpu } from '../lib/thread-cpu.ts'
import { anonymousBytes, dropMappedFiles } from '../sys/resident.ts'
import { libc } from '../sys/libc.ts'

/** How often somebody looks: each five seconds, by a beat that may be early. */
const LOOK_MS = 4_500
/** The least time from one collection to the next: a heap that grows back under calm load is what it needs. */
const REST_MS = 600_000
/** The share of a core that is taken at most where a pause of some 40 ms is no harm. */
const CALM = 0.05
/** As often the event loop was held up between two looks, and who uses little CPU time may not get more. */
const STARVED = 2
/** Milliseconds of CPU without which nothing has grown, and to read how much it is costs more than all else here. */
const LEAST_CPU = 25
/** Bytes that have to have come since the last time. */
const GROWTH = 6 * 2 ** 20
/** After a storm nobody waits: no heap grows by so much under calm load. */
const STORM = 24 * 2 ** 20

export interface GiveBackParts {
  /** Milliseconds of CPU that the thread of the event loop has had so far. */
  readonly cpu?: () => number
  /** How often the event loop was held up so far; looked at each second or so. */
  readonly heldUp?: () => number
  /** Bytes that are the process's own; 0 where that is not known. */
  readonly anonymous?: () => number
  readonly give?: () => void
}

/**
 * Gives back what the start, and later a storm, has left behind. V8 collects when its heap is full to a
 * multiple of what was in use, which a quiet process comes to after hours or never, and the C library keeps
 * what is free. Who looks does so when there is little to do, and only where memory has grown since. A
 * process that gets little CPU time uses little too, and would stand still for seconds.
 */
export class GiveBack {
  readonly #cpu: () => number
  readonly #heldUp: () => number
  readonly #anonymous: () => number
  readonly #give: () => void
  #lookedAt = -Infinity
  #gaveAt = -Infinity
  #lastCpu = 0
  #lastHeldUp = 0
  /** The CPU time when memory was read last. */
  #readCpu = -Infinity
  /** Bytes that were left, or 0 before the first time. */
  #left = 0

  constructor({
    cpu = threadCpu,
    heldUp = () => 0,
    anonymous = anonymousBytes,
    give = giveBack,
  }: GiveBackParts = {}) {
    this.#cpu = cpu
    this.#heldUp = heldUp
    this.#anonymous = anonymous
    this.#give = give
  }

  /** To be called each five seconds. @param now of `Clock.now` */
  look(now: number): void {
    const passed = now - this.#lookedAt
    if (passed < LOOK_MS) return
    const cpu = this.#cpu()
    const heldUp = this.#heldUp()
    const isBusy = cpu - this.#lastCpu > CALM * passed || heldUp - this.#lastHeldUp >= STARVED
    this.#lookedAt = now
    this.#lastCpu = cpu
    this.#lastHeldUp = heldUp
    // The first time begins the first five seconds.
    if (passed === Infinity || isBusy || cpu - this.#readCpu < LEAST_CPU) return
    this.#readCpu = cpu
    const bytes = this.#anonymous()
    const growth = now - this.#gaveAt < REST_MS ? STORM : GROWTH
    if (bytes < this.#left + growth) {
      this.#left = Math.min(this.#left, bytes)
      return
    }
    this.#gaveAt = now
    this.#give()
    this.#left = this.#anonymous()
  }
}

/** Collects garbage, where V8 may be told to, and returns what is free, and code, to the kernel. */
function giveBack(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  const { libc: calls } = libc()
  if (calls === null) return
  calls.malloc_trim(0)
  dropMappedFiles(calls)
}
