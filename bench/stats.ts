/** What a set of samples comes to, their median if not told otherwise, and the outer ones. */
export interface Spread {
  readonly figure: number
  readonly min: number
  readonly max: number
}

/** Latency percentiles of one run, in microseconds. */
export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

/** Median as figure, minimum and maximum of `values`; all NaN when there are none. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return { figure: median(sorted), min: sorted.at(0) ?? NaN, max: sorted.at(-1) ?? NaN }
}

function median(sorted: readonly number[]): number {
  const upper = sorted.at(Math.floor(sorted.length / 2)) ?? NaN
  if (sorted.length % 2 === 1) return upper
  return (upper + (sorted.at(sorted.length / 2 - 1) ?? NaN)) / 2
}

/**
 * The nearest-rank percentile: the smallest sample that at least `share` (0 to 1) of all samples
 * do not exceed. Takes samples in ascending order; NaN when there are none.
 */
export function percentile(ascending: Float64Array, share: number): number {
  const rank = Math.max(1, Math.ceil(share * ascending.length))
  return ascending.at(rank - 1) ?? NaN
}

/** The three percentiles of unordered samples; sorts `samples` in place. */
export function latency(samples: Float64Array): Latency {
  samples.sort()
  return {
    p50: percentile(samples, 0.5),
    p99: percentile(samples, 0.99),
    p999: percentile(samples, 0.999),
  }
}

/**
 * Divides round by round: samples of one round were taken seconds apart, so what the machine does
 * over minutes cancels out. Throws RangeError when the lengths differ.
 */
export function pairedRatios(values: readonly number[], references: readonly number[]): number[] {
  if (values.length !== references.length) {
    throw new RangeError(`Cannot pair ${values.length} samples with ${references.length}`)
  }
  return values.map((value, round) => value / (references.at(round) ?? NaN))
}
