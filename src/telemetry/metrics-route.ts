import type { HttpRoute } from '../lib/http.ts'
import { plainText } from './http.ts'
import { exposition, formOf, registerMetric } from './metrics.ts'
import './process-metrics.ts'
import { SharedRendering } from './shared-rendering.ts'

const requests = { 200: 0, 500: 0, 503: 0 }
let inFlight = 0
let rendered = 0

registerMetric({
  name: 'promhttp_metric_handler_requests_total',
  help: 'Total number of scrapes by HTTP status code.',
  type: 'counter',
  labels: ['code'],
  collect(emit) {
    emit(['200'], requests[200])
    emit(['500'], requests[500])
    emit(['503'], requests[503])
  },
})

registerMetric({
  name: 'promhttp_metric_handler_requests_in_flight',
  help: 'Current number of scrapes being served.',
  type: 'gauge',
  labels: [],
  collect: (emit) => emit([], inFlight),
})

registerMetric({
  name: 'dnslet_metrics_renderings_total',
  help: 'Times that the metrics were collected; scrapes at about the same time share one.',
  type: 'counter',
  labels: [],
  collect: (emit) => emit([], rendered),
})

const renderings = new SharedRendering({
  async render(form) {
    rendered++
    const { contentType, body } = await exposition(form)
    // Once for all: it is written to each socket as it is.
    return { contentType, body: Buffer.from(body) }
  },
})

/**
 * `/metrics`: everything registered, in the format the scraper prefers. Whoever asks within a second of
 * a rendering waits for the next one and shares it; 503 where too many wait, as in Prometheus's client.
 */
export const metricsRoute: HttpRoute = async ({ accept, client }) => {
  inFlight++
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
    const reason = error instanceof Error ? error.message : String(error)
    return plainText(500, `Cannot collect metrics: ${reason}\n`)
  } finally {
    inFlight--
  }
}
