import { plainText, type Route } from './http.ts'
import { exposition, registerMetric } from './metrics.ts'
import './process-metrics.ts'

const requests = { 200: 0, 500: 0 }
let inFlight = 0

registerMetric({
  name: 'promhttp_metric_handler_requests_total',
  help: 'Total number of scrapes by HTTP status code.',
  type: 'counter',
  labels: ['code'],
  collect(emit) {
    emit(['200'], requests[200])
    emit(['500'], requests[500])
  },
})

registerMetric({
  name: 'promhttp_metric_handler_requests_in_flight',
  help: 'Current number of scrapes being served.',
  type: 'gauge',
  labels: [],
  collect: (emit) => emit([], inFlight),
})

/** `/metrics`: everything registered, in the format the scraper prefers. */
export const metricsRoute: Route = async ({ accept }) => {
  inFlight++
  try {
    const { contentType, body } = await exposition(accept)
    requests[200]++
    return { status: 200, contentType, body }
  } catch (error) {
    requests[500]++
    const reason = error instanceof Error ? error.message : String(error)
    return plainText(500, `Cannot collect metrics: ${reason}\n`)
  } finally {
    inFlight--
  }
}
