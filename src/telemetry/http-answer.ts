import type { Socket } from 'node:net'

import { clientOf } from '../lib/client-share.ts'
import { reasonOf } from '../lib/errors.ts'
import type { HttpReply, HttpRequest, HttpRoute } from '../lib/http.ts'

/** Time for a request to arrive, an answer to leave, and an idle connection to live, as in CoreDNS. */
export const TIMEOUT_MS = 5_000

/** A request as it was read, by whomever. */
export interface ReadRequest extends Pick<HttpRequest, 'method' | 'accept' | 'body'> {
  readonly path: string
  /** What stands behind the question mark, '' where there is none. */
  readonly query: string
}

/** What `route` says to a request that came over `socket`; that it failed, where it does. Never rejects. */
export async function askRoute(
  route: HttpRoute,
  socket: Socket,
  { path, query, ...request }: ReadRequest,
): Promise<HttpReply> {
  try {
    return await route({
      ...request,
      client: clientOf(socket.remoteAddress ?? ''),
      query: new URLSearchParams(query),
      extend: (ms) => void socket.setTimeout(TIMEOUT_MS + ms),
    })
  } catch (error) {
    return plainText(500, `Cannot answer ${path}: ${reasonOf(error)}\n`)
  }
}

/** The headers of a reply, but for those of the connection. */
export function headersOf({
  contentType,
  body,
  location,
  allow,
}: HttpReply): Record<string, string> {
  return {
    'Content-Type': contentType,
    ...(isWhole(body) ? { 'Content-Length': String(Buffer.byteLength(body)) } : {}),
    ...(location === undefined ? {} : { Location: location }),
    ...(allow === undefined ? {} : { Allow: allow }),
    'X-Content-Type-Options': 'nosniff',
  }
}

/** Whether a body is there at once, and its length known. */
export function isWhole(body: HttpReply['body']): body is string | Buffer {
  return typeof body === 'string' || Buffer.isBuffer(body)
}

/** A reply of type text/plain. */
export function plainText(status: number, body: string): HttpReply {
  return { status, contentType: 'text/plain; charset=utf-8', body }
}
