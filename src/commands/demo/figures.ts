import { Histogram } from '../../lib/counters.ts'
import type { MetricSpec } from '../../lib/metrics.ts'

/** What the live line tells, since the start. */
export interface Figures {
  readonly hits: number
  readonly misses: number
  /** Queries answered, and the seconds all of them took together. */
  readonly answered: number
  readonly seconds: number
}

/** The `zone` of what is answered without any plugin, such as the daemon's questions to itself. */
const REJECTED = 'dropped'

/** Reads the daemon's own metrics. */
export function readFigures(metrics: readonly MetricSpec[]): Figures {
  const [answered, seconds] = times(metrics, 'coredns_dns_request_duration_seconds')
  return {
    hits: total(metrics, 'coredns_cache_hits_total'),
    misses: total(metrics, 'coredns_cache_misses_total'),
    answered,
    seconds,
  }
}

/** What happened between two readings. */
export function since(before: Figures, now: Figures): Figures {
  return {
    hits: now.hits - before.hits,
    misses: now.misses - before.misses,
    answered: now.answered - before.answered,
    seconds: now.seconds - before.seconds,
  }
}

/** `queries 12 · hits 9 · misses 3 · mean latency 0.31 ms`. */
export function figuresLine({ hits, misses, answered, seconds }: Figures): string {
  const mean =
    answered === 0 ? '' : ` · mean latency ${((seconds / answered) * 1000).toFixed(2)} ms`
  return `queries ${answered} · hits ${hits} · misses ${misses}${mean}`
}

function total(metrics: readonly MetricSpec[], name: string): number {
  let sum = 0
  find(metrics, name).collect((_labels, value) => {
    if (typeof value === 'number') sum += value
  })
  return sum
}

function times(metrics: readonly MetricSpec[], name: string): [count: number, seconds: number] {
  const spec = find(metrics, name)
  const zone = spec.labels.indexOf('zone')
  let count = 0
  let seconds = 0
  spec.collect((labels, value) => {
    if (!(value instanceof Histogram) || labels[zone] === REJECTED) return
    for (const n of value.counts) count += n
    seconds += value.sum
  })
  return [count, seconds]
}

function find(metrics: readonly MetricSpec[], name: string): MetricSpec {
  const metric = metrics.find((spec) => spec.name === name)
  if (metric === undefined) throw new RangeError(`Cannot find metric "${name}"`)
  return metric
}
