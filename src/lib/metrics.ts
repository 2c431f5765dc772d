import type { Histogram, LabelledCounters } from './counters.ts'

/** Label values in the order of the metric's `labels`, and a number, or a histogram's state. */
export type Emit = (labelValues: readonly string[], value: number | Histogram) => void

/** A metric whose values live elsewhere, in plain counters; they are read when it is scraped. */
export interface MetricSpec {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  collect(emit: Emit): void
}

type Read<T> = () => T | null

/** A counter without labels; there is no sample while `read` gives null. */
export function counter(name: string, help: string, read: Read<number>): MetricSpec {
  return single('counter', name, help, read)
}

/** A gauge without labels; there is no sample while `read` gives null. */
export function gauge(name: string, help: string, read: Read<number>): MetricSpec {
  return single('gauge', name, help, read)
}

/** A histogram without labels. */
export function histogram(name: string, help: string, read: Read<Histogram>): MetricSpec {
  return single('histogram', name, help, read)
}

/**
 * A counter for each label set of `of`. As with Prometheus's own client, only what has happened has a
 * sample.
 */
export function counters<T>(
  name: string,
  help: string,
  labels: readonly string[],
  of: LabelledCounters<T>,
  read: (counters: T) => number,
): MetricSpec {
  return {
    name,
    help,
    type: 'counter',
    labels,
    collect(emit) {
      for (const [values, counted] of of.entries()) {
        if (read(counted) > 0) emit(values, read(counted))
      }
    },
  }
}

function single(
  type: MetricSpec['type'],
  name: string,
  help: string,
  read: Read<number | Histogram>,
): MetricSpec {
  return {
    name,
    help,
    type,
    labels: [],
    collect(emit) {
      const value = read()
      if (value !== null) emit([], value)
    },
  }
}
