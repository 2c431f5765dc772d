import { Histogram } from '../../lib/counters.ts'
import type { MetricSpec } from '../../lib/metrics.ts'
import type { Traffic, TrafficStep } from '../api.ts'

const STEP_SECONDS = 5
const STEP_MS = 1000 * STEP_SECONDS
/** Ten minutes. */
const STEPS = 120
/** Names of rcodes that are told apart: IANA has 24, an upstream can make up more. */
const RCODES = 32

export interface TrafficOptions {
  /** Everything that is counted. */
  readonly metrics: () => readonly MetricSpec[]
  /** All queries of clients so far. */
  readonly queries: () => number
  /** Unix time in milliseconds. */
  readonly now: () => number
}

/** What is counted, in one row: queries, hits, a number for each rcode, one for each latency bucket. */
type Row = Float64Array

const QUERIES = 0
const HITS = 1
const FIRST_RCODE = 2
const FIRST_BUCKET: number = FIRST_RCODE + RCODES

/**
 * The traffic of the last ten minutes, as differences of counters that are there anyway: queries of clients
 * from all listeners, hits of all caches, rcodes and durations of blocks with `prometheus`. A query costs
 * nothing for it, and the process has no timer of its own for it: who has one calls `tick()`.
 *
 *     rows    | step n | n+1 | … | n−1 |     a ring; the oldest step is overwritten
 */
export class TrafficHistory {
  readonly #options: TrafficOptions
  readonly #bounds: readonly number[]
  readonly #rcodes: string[] = []
  readonly #width: number
  readonly #rows: Float64Array
  #last: Row
  /** When the step under way began; Unix time in milliseconds. */
  #begun: number
  #steps = 0

  /** @param bounds of the latency buckets, in seconds */
  constructor(bounds: readonly number[], options: TrafficOptions) {
    this.#options = options
    this.#bounds = bounds
    this.#width = FIRST_BUCKET + bounds.length + 1
    this.#rows = new Float64Array(STEPS * this.#width)
    this.#last = this.#read()
    this.#begun = options.now()
  }

  /** To be called at least once a step. */
  tick(): void {
    const now = this.#options.now()
    // The clock was set back: what came meanwhile is in a step, only not in this one.
    if (now < this.#begun) this.#begun = now
    const over = Math.floor((now - this.#begun) / STEP_MS)
    if (over === 0) return
    // Where the process was stopped, nothing came; the socket's queue was served when it went on.
    for (let i = 1; i < Math.min(over, STEPS); i++) this.#rowOf(this.#steps++).fill(0)
    const current = this.#read()
    const row = this.#rowOf(this.#steps++)
    for (let i = 0; i < row.length; i++) row[i] = Math.max(0, current[i]! - this.#last[i]!)
    this.#last = current
    this.#begun += over * STEP_MS
  }

  /** Steps that are over, and all that was counted up to now. */
  read(): Traffic {
    this.tick()
    const count = Math.min(this.#steps, STEPS)
    return {
      stepSeconds: STEP_SECONDS,
      bounds: this.#bounds,
      steps: Array.from({ length: count }, (_, i) => {
        const at = this.#begun - (count - i) * STEP_MS
        return this.#shown(this.#rowOf(this.#steps - count + i), at)
      }),
      total: this.#shown(this.#read(), this.#options.now()),
    }
  }

  #rowOf(step: number): Row {
    const at = (step % STEPS) * this.#width
    return this.#rows.subarray(at, at + this.#width)
  }

  #shown(row: Row, at: number): TrafficStep {
    const rcodes: Record<string, number> = {}
    this.#rcodes.forEach((name, i) => {
      const count = row[FIRST_RCODE + i]!
      if (count > 0) rcodes[name] = count
    })
    const latency: number[] = []
    for (let i = FIRST_BUCKET; i < row.length; i++) latency.push(row[i]!)
    return {
      at: new Date(at).toISOString(),
      queries: row[QUERIES]!,
      hits: row[HITS]!,
      rcodes,
      latency,
    }
  }

  #read(): Row {
    const { metrics, queries } = this.#options
    const row = new Float64Array(this.#width)
    row[QUERIES] = queries()
    for (const spec of metrics()) {
      const { labels, name } = spec
      if (name === 'coredns_cache_hits_total') {
        spec.collect((_labels, value) => (row[HITS]! += value as number))
      } else if (name === 'coredns_dns_responses_total') {
        const at = labels.indexOf('rcode')
        spec.collect((values, value) => {
          const rcode = this.#rcodeIndex(values[at] ?? '')
          if (rcode >= 0) row[FIRST_RCODE + rcode]! += value as number
        })
      } else if (name === 'coredns_dns_request_duration_seconds') {
        spec.collect((_labels, value) => {
          if (!(value instanceof Histogram)) return
          value.counts.forEach((count, i) => (row[FIRST_BUCKET + i]! += count))
        })
      }
    }
    return row
  }

  #rcodeIndex(name: string): number {
    const known = this.#rcodes.indexOf(name)
    if (known >= 0 || this.#rcodes.length === RCODES) return known
    return this.#rcodes.push(name) - 1
  }
}
