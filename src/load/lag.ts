import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

/** A timer that often costs nothing to speak of, and sees every stretch of work that is longer. */
const INTERVAL_MS = 10
const NS = 1e6

/** How late timers fire while a run is measured: how late an answer may have been read. */
export class Lag {
  readonly #late: RecordableHistogram = createHistogram()
  #timer: NodeJS.Timeout | null = null
  #due = 0

  /** For a turn of the run. */
  start(): void {
    this.#due = performance.now() + INTERVAL_MS
    this.#timer = setInterval(() => {
      const now = performance.now()
      // Node fires a timer up to a millisecond late by its nature.
      this.#late.record(Math.max(1, Math.round((now - this.#due - 1) * NS)))
      this.#due = now + INTERVAL_MS
    }, INTERVAL_MS)
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Milliseconds; 0 where nothing was measured. */
  figures(): { p99: number; max: number } {
    if (this.#late.count === 0) return { p99: 0, max: 0 }
    const ms = (ns: number): number => Math.round(ns / 1e4) / 100
    return { p99: ms(this.#late.percentile(99)), max: ms(this.#late.max) }
  }
}
