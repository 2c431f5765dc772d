import { createRequire } from 'node:module'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Metric, Registry as PromRegistry } from 'prom-client'

import type { MetricSpec } from '../lib/metrics.ts'
import { type Reading, RenderedMetric, type Sample, textOf } from './rendered-metric.ts'

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

/** Adds what is counted from now on, and was not before. Throws RangeError where a name is taken. */
export function addMetrics(metrics: readonly MetricSpec[]): void {
  registerMetrics([...new Set([...registered, ...metrics])])
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

/** Series made into text at once, and milliseconds until others have their turn. */
const PIECE = 100
const SLICE_MS = 0.5

/** What is known of metrics in each format, as long as there is the metric. */
const inText = new WeakMap<MetricSpec, RenderedMetric>()
const inOpenMetrics = new WeakMap<MetricSpec, RenderedMetric>()

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
  for (const spec of metrics) {
    const rest = page.add(spec)
    // Each await costs as much as a metric.
    if (rest !== null) await rest
  }
  if (runtime !== null) await addRuntime(page, runtime, new Set(metrics.map(({ name }) => name)))
  return { contentType: registry.contentType, body: page.text() }
}

type Head = Pick<MetricSpec, 'name' | 'help' | 'type'>

/** What is written, metric by metric, with turns for others in between. */
class Page {
  readonly #registry: PromRegistry<never>
  readonly #isOpenMetrics: boolean
  readonly #rendered: WeakMap<MetricSpec, RenderedMetric>
  readonly #metrics: string[] = []
  #began = performance.now()

  constructor(registry: PromRegistry<never>, isOpenMetrics: boolean) {
    this.#registry = registry
    this.#isOpenMetrics = isOpenMetrics
    this.#rendered = isOpenMetrics ? inOpenMetrics : inText
  }

  /**
   * Like Prometheus's own client, a metric without samples leaves no trace in the output. What is short and
   * known is there at once: null; anything else when the promise resolves.
   */
  add(spec: MetricSpec): Promise<void> | null {
    const rendered = this.#renderedOf(spec)
    const reading = rendered.read()
    const { told, unknown } = reading
    if (told.length === 0) return null
    if (unknown.length > 0 || told.length > PIECE || this.#isOver())
      return this.#addSlowly(spec, rendered, reading)
    this.#metrics.push(rendered.head + textOf(reading, 0, PIECE))
    return null
  }

  async #addSlowly(spec: MetricSpec, rendered: RenderedMetric, first: Reading): Promise<void> {
    let reading = first
    while (reading.unknown.length > 0) {
      const { unknown } = reading
      for (let at = 0; at < unknown.length; at += PIECE) {
        const piece = unknown.slice(at, at + PIECE)
        const samples = piece.flatMap((one) => one.samples)
        rendered.learn(piece, await this.#write(spec, samples))
        if (this.#isOver()) await this.#pause()
      }
      // What came meanwhile is new as well, and what was read has aged.
      reading = rendered.read()
    }
    let text = rendered.head
    for (let at = 0; at < reading.told.length; at += PIECE) {
      text += textOf(reading, at, at + PIECE)
      if (this.#isOver()) await this.#pause()
    }
    if (reading.told.length > 0) this.#metrics.push(text)
  }

  /** What prom-client measures itself. */
  async addSamples(head: Head, samples: readonly Sample[]): Promise<void> {
    if (samples.length > 0) this.#metrics.push(await this.#write(head, samples))
    if (this.#isOver()) await this.#pause()
  }

  #renderedOf(spec: MetricSpec): RenderedMetric {
    let rendered = this.#rendered.get(spec)
    if (rendered === undefined) {
      rendered = new RenderedMetric(spec)
      this.#rendered.set(spec, rendered)
    }
    return rendered
  }

  #isOver(): boolean {
    return performance.now() - this.#began >= SLICE_MS
  }

  async #pause(): Promise<void> {
    await nextTurn()
    this.#began = performance.now()
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
    if (!ours.has(name) && !misnamed) await page.addSamples(head, known)
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
