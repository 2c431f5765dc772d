import type { IncomingMessage, ServerResponse } from 'node:http'

import type { HttpReply, HttpRoute } from '../lib/http.ts'
import { askRoute, headersOf, isWhole, plainText, TIMEOUT_MS } from './http-answer.ts'
import { writePieces } from './http-pieces.ts'

/** What every server of this process is made with. */
export const serverOptions: Readonly<Record<string, number>> = {
  requestTimeout: TIMEOUT_MS,
  headersTimeout: TIMEOUT_MS,
  keepAliveTimeout: TIMEOUT_MS,
  connectionsCheckingInterval: 1_000,
}

/** What a request for an absolute URI, as a proxy gets it, has before its path: to be accepted (RFC 9112 §3.2.2). */
const AUTHORITY = /^http:\/\/[^/?]*/i

/** Finds who answers a path. */
export type FindRoute = (path: string) => HttpRoute | undefined

/** Answers a request that node:http has read; a connection that reads nothing for `TIMEOUT_MS` is cut. Never rejects. */
export async function answerRequest(
  request: IncomingMessage,
  response: ServerResponse,
  find: FindRoute,
): Promise<void> {
  const reply = await replyTo(request, find)
  const { body, status } = reply
  response.writeHead(status, headersOf(reply))
  if (request.method === 'HEAD') response.end()
  else if (isWhole(body)) response.end(body)
  else if (await writePieces(response, body)) response.end()
}

async function replyTo(request: IncomingMessage, find: FindRoute): Promise<HttpReply> {
  const { headers, method = '', socket } = request
  const url = (request.url ?? '').replace(AUTHORITY, '')
  const [path = ''] = url.split('?', 1)
  const route = find(path)
  if (route === undefined) return plainText(404, '404 page not found\n')
  return askRoute(route, socket, {
    method,
    path,
    query: url.slice(path.length + 1),
    accept: headers.accept ?? '',
    body: (limit) => readBody(request, limit),
  })
}

async function readBody(
  request: IncomingMessage,
  limit: number,
): Promise<Buffer | 'too long' | 'cut off'> {
  const pieces: Buffer[] = []
  let size = 0
  try {
    for await (const piece of request) {
      size += (piece as Buffer).length
      // The rest is thrown away, so that its sender reads the answer.
      if (size <= limit) pieces.push(piece as Buffer)
    }
  } catch {
    return 'cut off'
  }
  return size > limit ? 'too long' : Buffer.concat(pieces)
}
