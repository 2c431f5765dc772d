import { reasonOf } from '../lib/errors.ts'
import type { HttpRoute } from '../lib/http.ts'
import { counter, gauge, type MetricSpec } from '../lib/metrics.ts'
import { cutConnectionsMetric } from './http-connections.ts'
import { listenFailuresMetric } from './http.ts'
import { plainText } from './http-answer.ts'
import { droppedLinesMetric } from './log.ts'
import { exposition, formOf } from './metrics.ts'
import { processMetrics } from './process-metrics.ts'
import { SharedRendering } from './shared-rendering.ts'

/**
 * Milliseconds, beside those in which silent connections are cut, that an answer may take: a node without CPU time for us
 * is just what somebody wants to see. Prometheus waits for ten seconds unless it is told otherwise.
 */
const SLOW_MS = 30_000

const requests = { 200: 0, 500: 0, 503: 0 }
let inFlight = 0
let rendered = 0

/** What telemetry tells of itself and of the process. */
export const telemetryMetrics: readonly MetricSpec[] = [
  ...processMetrics,
  droppedLinesMetric,
  listenFailuresMetric,
  cutConnectionsMetric,
  {
    name: 'promhttp_metric_handler_requests_total',
    help: 'Total number of scrapes by HTTP status code.',
    type: 'counter',
    labels: ['code'],
    collect(emit) {
      for (const [code, count] of Object.entries(requests)) emit([code], count)
    },
  },
  gauge(
    'promhttp_metric_handler_requests_in_flight',
    'Current number of scrapes being served.',
    () => inFlight,
  ),
  counter(
    'dnslet_metrics_renderings_total',
    'Times that the metrics were collected; scrapes at about the same time share one.',
    () => rendered,
  ),
]

const renderings = new SharedRendering({
  async render(form) {
    rendered++
    const { contentType, body } = await exposition(form)
    // Once for all: it is written to each socket as it is.
    return { contentType, body: Buffer.from(body) }
  },
})

/**
 * `/metrics`: everything registered, in the format the scraper prefers. A request within a second of
 * a rendering waits for the next one and shares it; 503 where too many wait, as in Prometheus's client.
 */
export const metricsRoute: HttpRoute = async ({ accept, client, extend }) => {
  inFlight++
  extend(SLOW_MS)
  try {
    const rendering = await renderings.ask(formOf(accept), client)
    if (rendering === null) {
      requests[503]++
      return plainText(503, 'Too many scrapes wait for an answer, try again later.\n')
    }
    requests[200]++
    return { status: 200, ...rendering }
  } catch (error) {
    requests[500]++
    return plainText(500, `Cannot collect metrics: ${reasonOf(error)}\n`)
  } finally {
    inFlight--
    // To read it takes no longer than anything else.
    extend(0)
  }
}
