import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Outcome } from './client.ts'
import type { Bin, ErrorKind, Latency, Moment } from './result.ts'

/** Bins a decade, from 10 µs to 1,000 s: each is a quarter wider than the one before. */
const BINS_A_DECADE = 10
const FIRST_MS = 0.01
const DECADES = 8
const BINS: number = BINS_A_DECADE * DECADES

/** Nanoseconds: three significant digits up to 10,000 s. */
const RANGE = { lowest: 1, highest: 1e13, figures: 3 } as const
const MS = 1e6

/** Points of a timeline at most. */
const MAX_MOMENTS = 600

/** What is measured of one run; of a size that does not depend on how long it lasts. */
export class Recorder {
  readonly stepSeconds: number
  requests = 0
  overLimit = 0
  errorCount = 0
  readonly errors: Partial<Record<ErrorKind, number>> = {}
  readonly rcodes: Record<string, number> = {}
  readonly timeline: Moment[] = []
  readonly #limitMs: number
  readonly #all: RecordableHistogram = createHistogram(RANGE)
  readonly #step: RecordableHistogram = createHistogram(RANGE)
  readonly #bins = new Float64Array(BINS)
  #min = Infinity
  #max = 0
  #sum = 0
  #second = -1
  #stepErrors = 0
  #stepOver = 0
  #stepMax = 0

  /** @param seconds that the whole may last, all runs together: what the timeline's steps depend on */
  constructor(limitMs: number, seconds: number) {
    this.#limitMs = limitMs
    this.stepSeconds = Math.max(1, Math.ceil(seconds / MAX_MOMENTS))
  }

  /**
   * Counts a request that has ended.
   *
   * @param latencyMs how long it took
   * @param at seconds since the start of the whole; never less than before
   */
  record(latencyMs: number, at: number, { error, answer }: Outcome): void {
    this.#enterStep(at)
    const ms = Math.max(latencyMs, 0)
    this.requests++
    this.#sum += ms
    if (ms < this.#min) this.#min = ms
    if (ms > this.#max) this.#max = ms
    if (ms > this.#stepMax) this.#stepMax = ms
    const ns = Math.max(1, Math.min(Math.round(ms * MS), RANGE.highest))
    this.#all.record(ns)
    this.#step.record(ns)
    this.#bins[binOf(ms)]!++
    if (ms >= this.#limitMs) {
      this.overLimit++
      this.#stepOver++
    }
    if (error !== null) {
      this.errorCount++
      this.#stepErrors++
      this.errors[error] = (this.errors[error] ?? 0) + 1
    }
    if (answer !== null) this.rcodes[answer] = (this.rcodes[answer] ?? 0) + 1
  }

  /** Ends the timeline's last step. */
  finish(): void {
    this.#leaveStep()
  }

  /** Null where nothing was recorded. */
  latency(): Latency | null {
    if (this.requests === 0) return null
    return {
      min: this.#min,
      max: this.#max,
      avg: this.#sum / this.requests,
      p50: this.#percentile(50),
      p90: this.#percentile(90),
      p99: this.#percentile(99),
      p999: this.#percentile(99.9),
    }
  }

  /** From the first bin that has a request to the last. */
  histogram(): Bin[] {
    const bins = Array.from(this.#bins, (count, i) => ({ upperMs: upperOf(i), count }))
    const first = bins.findIndex(({ count }) => count > 0)
    return first < 0 ? [] : bins.slice(first, bins.findLastIndex(({ count }) => count > 0) + 1)
  }

  /** The bucket's upper end, which may lie beyond the slowest request there was. */
  #percentile(percent: number): number {
    return clamp(this.#all.percentile(percent) / MS, this.#min, this.#max)
  }

  #enterStep(at: number): void {
    const second = Math.floor(at / this.stepSeconds) * this.stepSeconds
    // A run that goes on for long beyond its time, for answers, adds to its last step.
    if (second === this.#second || this.timeline.length === MAX_MOMENTS - 1) return
    this.#leaveStep()
    this.#second = second
  }

  #leaveStep(): void {
    const requests = this.#step.count
    if (requests === 0) return
    const max = this.#stepMax
    this.timeline.push({
      second: this.#second,
      requests,
      errors: this.#stepErrors,
      overLimit: this.#stepOver,
      p50: Math.min(this.#step.percentile(50) / MS, max),
      p99: Math.min(this.#step.percentile(99) / MS, max),
      max,
    })
    this.#step.reset()
    this.#stepErrors = this.#stepOver = this.#stepMax = 0
  }
}

function binOf(ms: number): number {
  const bin = Math.ceil(Math.log10(ms / FIRST_MS) * BINS_A_DECADE)
  return clamp(bin, 0, BINS - 1)
}

function upperOf(bin: number): number {
  return Number((FIRST_MS * 10 ** (bin / BINS_A_DECADE)).toPrecision(3))
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(value, most))
}
