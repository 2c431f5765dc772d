import { formatDuration } from '../../corefile/directive.ts'
import type { Log } from '../../lib/log.ts'
import { LONGEST_TIMER_MS } from '../../lib/longest-timer.ts'
import type { Consolidation } from './config.ts'

/** Counts the errors of one `consolidate` line and sums them up once per period. */
export class Tally {
  readonly config: Consolidation
  readonly #log: Log
  #count = 0
  #timer: NodeJS.Timeout | null = null

  constructor(config: Consolidation, log: Log) {
    this.config = config
    this.#log = log
  }

  /** Counts an error that matched; true where it is to be logged by itself all the same. */
  count(): boolean {
    this.#count++
    if (this.#timer !== null) return false
    const delay = Math.min(Math.max(this.config.period, 1), LONGEST_TIMER_MS)
    this.#timer = setTimeout(this.flush, delay).unref()
    return this.config.showFirst
  }

  /** Logs the sum, if there is anything that has not been told yet. */
  readonly flush = (): void => {
    if (this.#timer === null) return
    clearTimeout(this.#timer)
    this.#timer = null
    const count = this.#count
    this.#count = 0
    const { level, period, showFirst, source } = this.config
    if (showFirst && count === 1) return
    this.#log[level](`${count} errors like '${source}' occurred in last ${formatDuration(period)}`)
  }
}
