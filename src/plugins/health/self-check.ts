import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import { selfChecks } from './metrics.ts'

/** Time between the starts of two checks. */
const INTERVAL_MS = 1000
/** A check that takes longer has failed. */
const TIMEOUT_MS = 3000
/** A check that takes longer is worth a warning. */
const SLOW_MS = 1000
/**
 * A datagram may be lost under load, and a restart would only add to that load: this many checks in
 * a row must fail before a daemon that once passed is called unhealthy.
 */
const TOLERATED_FAILURES = 2

export interface SelfCheckParts {
  /** Asks the daemon's own sockets; resolves to null or what is wrong with them. */
  readonly ask: () => Promise<string | null>
  readonly clock: Clock
  readonly log: Log
}

/**
 * Keeps asking the daemon's own sockets, so that whoever wants to know its health has the answer at
 * once. One for all `health` directives; it lives on over reloads.
 */
export class SelfCheck {
  readonly #parts: SelfCheckParts
  #timer: NodeJS.Timeout | null = null
  #running = false
  #stopped = false
  #passed = false
  #failures = 0
  #problem: string | null = null
  #completed: Promise<void>
  #complete: () => void = () => {}

  constructor(parts: SelfCheckParts) {
    this.#parts = parts
    this.#completed = new Promise((resolve) => (this.#complete = resolve))
  }

  /** Begins checking; does nothing where that has happened. */
  start(): void {
    if (this.#running || this.#stopped) return
    this.#running = true
    this.#check()
  }

  /** Ends checking for good; the last finding stands. */
  stop(): void {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#complete()
  }

  /** What makes the daemon unhealthy, or null. Waits for the first check, at most its timeout. */
  async problem(): Promise<string | null> {
    await this.#completed
    const tolerated = this.#passed && this.#failures <= TOLERATED_FAILURES
    return tolerated ? null : this.#problem
  }

  readonly #check = (): void => {
    const { ask, clock } = this.#parts
    const began = clock.refresh()
    let open = true
    const end = (problem: string | null): void => {
      if (!open || this.#stopped) return
      open = false
      if (this.#timer !== null) clearTimeout(this.#timer)
      const took = clock.refresh() - began
      this.#record(problem, took)
      this.#timer = setTimeout(this.#check, Math.max(INTERVAL_MS - took, 0)).unref()
    }
    this.#timer = setTimeout(() => end(`no result after ${TIMEOUT_MS / 1000}s`), TIMEOUT_MS).unref()
    ask().then(end, (error: unknown) => end(String(error)))
  }

  #record(problem: string | null, took: number): void {
    const { log } = this.#parts
    selfChecks.durations.observe(took / 1000)
    if (problem === null) {
      if (this.#failures > 0) log.info(`Self-check passes again after ${this.#failures} failures`)
      if (took > SLOW_MS) log.warning(`Self-check took more than 1s: ${Math.round(took)}ms`)
      this.#passed = true
      this.#failures = 0
    } else {
      selfChecks.failures++
      this.#failures++
      if (this.#failures === 1) log.warning(`Self-check failed: ${problem}`)
      if (this.#failures === TOLERATED_FAILURES + 1) log.error(`Unhealthy: ${problem}`)
    }
    this.#problem = problem
    this.#complete()
  }
}
