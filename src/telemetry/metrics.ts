import { createRequire } from 'node:module'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Metric, Registry as PromRegistry } from 'prom-client'

import { Histogram } from '../lib/counters.ts'
import type { Emit, MetricSpec } from '../lib/metrics.ts'

export interface Exposition {
  readonly contentType: string
  readonly body: string
}

type PromRegistryClass = typeof import('prom-client').Registry

const require = createRequire(import.meta.url)

let registered: readonly MetricSpec[] = []

/**
 * Sets what every later exposition tells, in this order: a process has one daemon, and of several the
 * last one counts. Throws RangeError where two metrics have the same name.
 */
export function registerMetrics(metrics: readonly MetricSpec[]): void {
  const names = new Set<string>()
  for (const { name } of metrics) {
    if (names.has(name)) throw new RangeError(`Cannot register metric "${name}": the name is taken`)
    names.add(name)
  }
  registered = metrics
}

/** Adds what is counted from now on. Throws RangeError where a name is taken. */
export function addMetrics(metrics: readonly MetricSpec[]): void {
  registerMetrics([...registered, ...metrics])
}

export function registeredMetrics(): readonly MetricSpec[] {
  return registered
}

let runtime: { registry: PromRegistry | null } | null = null

/**
 * Adds prom-client's default metrics of Node (event loop lag, garbage collection, …) to later
 * expositions. They need a timer and an observer that run all the time, hence are not the default.
 */
export function enableRuntimeMetrics(): void {
  runtime ??= { registry: null }
}

/** The form that an Accept header prefers, as another one: all that prefer the same have the same. */
export function formOf(accept: string): string {
  return prefersOpenMetrics(accept) ? 'application/openmetrics-text' : 'text/plain'
}

/** Samples made into text at once, and milliseconds until others have their turn. */
const PIECE = 200
const SLICE_MS = 0.5

/**
 * Those of the metrics that have samples, in the format the Accept header prefers: Prometheus text 0.0.4 or
 * OpenMetrics 1.0. Made in slices of half a millisecond, since queries wait meanwhile: figures of two
 * metrics may be of two moments. prom-client is loaded by the first call, and of it the registry alone:
 * the whole has TLS, clusters and OpenTelemetry with it, 3 MB.
 */
export async function exposition(
  accept: string,
  metrics: readonly MetricSpec[] = registered,
): Promise<Exposition> {
  const Registry = require('prom-client/lib/registry.js') as PromRegistryClass
  const registry = new Registry() as PromRegistry<never>
  const isOpenMetrics = prefersOpenMetrics(accept)
  if (isOpenMetrics) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
  const page = new Page(registry, isOpenMetrics)
  for (const spec of metrics) await page.add(spec, samplesOf(spec))
  if (runtime !== null) await addRuntime(page, runtime, new Set(metrics.map(({ name }) => name)))
  return { contentType: registry.contentType, body: page.text() }
}

/** A line of output, as prom-client wants it. */
interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

type Head = Pick<MetricSpec, 'name' | 'help' | 'type'>

/** What prom-client writes, metric by metric, with turns for others in between. */
class Page {
  readonly #registry: PromRegistry<never>
  readonly #isOpenMetrics: boolean
  readonly #metrics: string[] = []
  #began = performance.now()

  constructor(registry: PromRegistry<never>, isOpenMetrics: boolean) {
    this.#registry = registry
    this.#isOpenMetrics = isOpenMetrics
  }

  /** Like Prometheus's own client, a metric without samples leaves no trace in the output. */
  async add(head: Head, values: readonly Sample[]): Promise<void> {
    const pieces: string[] = []
    for (let at = 0; at < values.length; at += PIECE) {
      const text = await this.#write(head, values.slice(at, at + PIECE))
      // Each piece comes with the two lines of HELP and TYPE, which belong there once.
      pieces.push(at === 0 ? text : text.split('\n').slice(2).join('\n'))
      if (performance.now() - this.#began < SLICE_MS) continue
      await nextTurn()
      this.#began = performance.now()
    }
    if (pieces.length > 0) this.#metrics.push(pieces.join('\n'))
  }

  async #write({ name, help, type }: Head, values: readonly Sample[]): Promise<string> {
    // OpenMetrics names a counter without what its samples end in, and prom-client adds that to them.
    const isCounter = this.#isOpenMetrics && type === 'counter'
    const family = isCounter ? name.replace(/_total$/, '') : name
    const metric = { name, type, get: () => ({ name: family, help, type, values }) }
    this.#registry.registerMetric(metric as unknown as Metric)
    const text = await this.#registry.getSingleMetricAsString(name)
    this.#registry.removeSingleMetric(name)
    return text
  }

  text(): string {
    return this.#isOpenMetrics
      ? `${this.#metrics.join('\n')}\n# EOF\n`
      : `${this.#metrics.join('\n\n')}\n`
  }
}

/**
 * While a reload is under way the old and the new configuration may both tell of the same labels:
 * the one that speaks last is the new one, and a series may occur only once.
 */
function samplesOf(spec: MetricSpec): Sample[] {
  const series = new Map<string, Parameters<Emit>>()
  spec.collect((...one) => series.set(one[0].join('\0'), one))
  const samples: Sample[] = []
  for (const [labelValues, value] of series.values()) {
    const labels: Record<string, string> = {}
    spec.labels.forEach((label, i) => void (labels[label] = labelValues[i] ?? ''))
    if (value instanceof Histogram) addHistogram(samples, spec.name, labels, value)
    else samples.push({ labels, value })
  }
  return samples
}

function addHistogram(
  samples: Sample[],
  name: string,
  labels: Readonly<Record<string, string>>,
  histogram: Histogram,
): void {
  let total = 0
  histogram.counts.forEach((count, i) => {
    total += count
    const le = String(histogram.bounds[i] ?? '+Inf')
    samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: total })
  })
  samples.push({ metricName: `${name}_sum`, labels, value: histogram.sum })
  samples.push({ metricName: `${name}_count`, labels, value: total })
}

/** prom-client's metrics, except those we have ourselves and gauges misnamed `…_total`. */
async function addRuntime(
  page: Page,
  state: { registry: PromRegistry | null },
  ours: ReadonlySet<string>,
): Promise<void> {
  if (state.registry === null) {
    const { collectDefaultMetrics, Registry } =
      require('prom-client') as typeof import('prom-client')
    state.registry = new Registry()
    collectDefaultMetrics({ register: state.registry, eventLoopMonitoringPrecision: 20 })
  }
  for (const { name, type, help, values } of await state.registry.getMetricsAsJSON()) {
    const head = { name, help, type: type as unknown as Head['type'] }
    const misnamed = head.type === 'gauge' && name.endsWith('_total')
    // A mean of nothing is no number, and prom-client does not spell that as Prometheus does.
    const known = (values as unknown as Sample[]).filter(({ value }) => !Number.isNaN(value))
    if (!ours.has(name) && !misnamed) await page.add(head, known)
  }
}

/** Whether OpenMetrics stands before the text format in an Accept header, by q (RFC 9110 §12.5.1). */
function prefersOpenMetrics(accept: string): boolean {
  let openMetrics = 0
  let text = 0
  for (const range of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    const q = weight === undefined ? 1 : Number(weight.slice(2)) || 0
    if (type === 'application/openmetrics-text') openMetrics = Math.max(openMetrics, q)
    else if (type === 'text/plain') text = Math.max(text, q)
  }
  return openMetrics > 0 && openMetrics >= text
}
