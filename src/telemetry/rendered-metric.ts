import { Histogram } from '../lib/counters.ts'
import type { MetricSpec } from '../lib/metrics.ts'

/** A line of output, as prom-client wants it. */
export interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** One label set. */
interface Series {
  /** Lines up to their values; none until `learn()`. */
  lines: readonly string[]
  /** The reading that told of it last, and its place there. */
  reading: Reading | null
  at: number
}

/** A series that no line is known of, with what prom-client makes its lines from. */
export interface NewSeries {
  readonly series: Series
  readonly samples: readonly Sample[]
}

/** What a metric told at one moment. */
export interface Reading {
  readonly told: readonly Series[]
  /** In the same order. */
  readonly values: readonly (number | Histogram)[]
  /** Those of `told` that `learn()` has to be called for before `textOf()`. */
  readonly unknown: readonly NewSeries[]
}

/** What the line of a sample without a value ends in. */
const NO_VALUE = '0'
/** Lines of HELP and TYPE, which come first. */
const HEAD_LINES = 2
/** Known series that a reading did not tell of, beyond as many again: with more of them they are forgotten. */
const SPARE = 16

/**
 * A metric in one of the two formats. prom-client writes each line once, when its label set is new; from then
 * on values are put behind what it wrote. To have it write all lines anew was half of what a scrape costs.
 */
export class RenderedMetric {
  readonly #spec: MetricSpec
  readonly #known = new Map<string, Series>()
  #head = ''

  constructor(spec: MetricSpec) {
    this.#spec = spec
  }

  /** Lines of HELP and TYPE; known once anything is. */
  get head(): string {
    return this.#head
  }

  /**
   * Reads the values. While a reload is under way the old and the new configuration may both tell of the same
   * labels: the one that speaks last is the new one, and a series may occur only once.
   */
  read(): Reading {
    const told: Series[] = []
    const values: (number | Histogram)[] = []
    const unknown: NewSeries[] = []
    const reading: Reading = { told, values, unknown }
    this.#spec.collect((labelValues, value) => {
      const series = this.#seriesOf(labelValues)
      if (series.reading !== reading) {
        series.reading = reading
        series.at = told.push(series) - 1
        if (series.lines.length === 0) {
          unknown.push({ series, samples: samplesOf(this.#spec, labelValues, value) })
        }
      }
      values[series.at] = value
    })
    if (this.#known.size > 2 * told.length + SPARE) this.#forgetBut(reading)
    return reading
  }

  /** @param text what prom-client made of the samples of these series, in this order */
  learn(unknown: readonly NewSeries[], text: string): void {
    const lines = text.split('\n')
    this.#head = lines.slice(0, HEAD_LINES).join('\n')
    let at = HEAD_LINES
    for (const { series, samples } of unknown) {
      const own = lines.slice(at, (at += samples.length))
      series.lines = own.map((line) => line.slice(0, -NO_VALUE.length))
    }
  }

  #seriesOf(labelValues: readonly string[]): Series {
    const key = labelValues.join('\0')
    let series = this.#known.get(key)
    if (series === undefined) {
      series = { lines: [], reading: null, at: 0 }
      this.#known.set(key, series)
    }
    return series
  }

  #forgetBut(reading: Reading): void {
    for (const [key, series] of this.#known) {
      if (series.reading === reading) series.reading = null
      else this.#known.delete(key)
    }
  }
}

/** Lines of the series from `begin` to before `end`, each behind a line feed. */
export function textOf({ told, values }: Reading, begin: number, end: number): string {
  let text = ''
  for (let i = begin; i < Math.min(end, told.length); i++) {
    const { lines } = told[i]!
    const value = values[i]!
    if (value instanceof Histogram) text += histogramText(lines, value)
    else text += `\n${lines[0]!}${numberText(value)}`
  }
  return text
}

function samplesOf(
  { name, labels: names }: MetricSpec,
  labelValues: readonly string[],
  value: number | Histogram,
): Sample[] {
  // By name, as CoreDNS prints them: scripts look for whole lines.
  const labels: Record<string, string> = {}
  for (const label of names.toSorted()) labels[label] = labelValues[names.indexOf(label)] ?? ''
  if (!(value instanceof Histogram)) return [{ labels, value: 0 }]
  const buckets = Array.from(value.counts, (_, i): Sample => {
    const le = String(value.bounds[i] ?? '+Inf')
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: 0 }
  })
  const ends = ['sum', 'count'] as const
  return [...buckets, ...ends.map((end) => ({ metricName: `${name}_${end}`, labels, value: 0 }))]
}

function histogramText(lines: readonly string[], { counts, sum }: Histogram): string {
  let text = ''
  let total = 0
  for (let i = 0; i < counts.length; i++) {
    total += counts[i]!
    text += `\n${lines[i]!}${total}`
  }
  text += `\n${lines[counts.length]!}${numberText(sum)}`
  return `${text}\n${lines[counts.length + 1]!}${total}`
}

/** As Prometheus spells what is no finite number. */
function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  if (Number.isNaN(value)) return 'NaN'
  return value > 0 ? '+Inf' : '-Inf'
}
