import { setImmediate as nextTurn } from 'node:timers/promises'
import { asBytecode } from '../../lib/bytecode.ts'
import type { HttpRoute } from '../../lib/http.ts'
import { SharedRendering, type SharedRenderingParts } from '../../telemetry/shared-rendering.ts'
import type { Status, Top, Traffic } from '../api.ts'
import type { PageData } from './render.ts'

const TOO_MANY = 'Too many wait for the status page, try again later.\n'

/** What the page shows, each made when the page is asked for. */
export interface PageParts {
  readonly status: () => Status | Promise<Status>
  readonly traffic: () => Traffic
  /** Begins to count, or goes on; null where names are not counted. */
  readonly top: () => Top | null
  /** The newest first; null for one that was neither slow nor a failure. */
  readonly queries: () => PageData['queries'] | Promise<PageData['queries']>
  /** The clock, for tests. */
  readonly clock?: Omit<SharedRenderingParts<Buffer>, 'render'>
}

/** Queries are answered before each of the parts. */
async function inOwnTurn<T>(make: () => T | Promise<T>): Promise<T> {
  await nextTurn()
  return make()
}

/**
 * The status page, for `/` beside the metrics. It changes nothing but that names are counted for a
 * minute. All who ask within a second share one rendering, as with the metrics; 503 where too many
 * wait. Its code is loaded with the first request.
 */
export function pageRoute({ status, traffic, top, queries, clock }: PageParts): HttpRoute {
  const renderings = new SharedRendering<Buffer>({
    ...clock,
    render: () =>
      asBytecode(async () => {
        const { renderPage } = await import('./render.ts')
        const data = {
          status: await inOwnTurn(status),
          traffic: await inOwnTurn(traffic),
          top: await inOwnTurn(top),
          queries: await inOwnTurn(queries),
        }
        return renderPage(data)
      }),
  })
  return async ({ client }) => {
    const body = await renderings.ask('', client)
    return body === null
      ? { status: 503, contentType: 'text/plain; charset=utf-8', body: TOO_MANY }
      : { status: 200, contentType: 'text/html; charset=utf-8', body }
  }
}
