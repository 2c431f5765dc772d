import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

import type { HttpsRequest } from './https-exchange.ts'

/** Who takes the requests of a stream. */
export interface Http1Peer {
  /** Whether the next response is the last. */
  readonly isEnding: boolean
  take(request: HttpsRequest): void
  /** A response of so many octets has left, or never will. */
  left(octets: number): void
}

let parser: Server | null = null
const connections = new WeakMap<object, Http1Peer>()

/**
 * Reads HTTP/1.1 from a stream: one server of Node's, which never listens, does it for all.
 *
 * @param maxHead octets of a request's head
 */
export function readHttp1(socket: Socket, connection: Http1Peer, maxHead: number): void {
  connections.set(socket, connection)
  parser ??= newParser(maxHead)
  parser.emit('connection', socket)
}

function newParser(maxHeaderSize: number): Server {
  const { createServer } = process.getBuiltinModule('node:http')
  // Connections have time limits of their own, see sweep().
  const options = { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }
  return createServer({ ...options, maxHeaderSize }, (request, response) => {
    const connection = connections.get(request.socket)
    if (connection !== undefined) connection.take(requestOf(connection, request, response))
  })
}

function requestOf(
  connection: Http1Peer,
  request: IncomingMessage,
  response: ServerResponse,
): HttpsRequest {
  response.on('error', () => {})
  return {
    method: request.method ?? '',
    url: request.url ?? '',
    contentType: request.headers['content-type'],
    contentLength: request.headers['content-length'],
    body: request,
    isGone: () => response.destroyed,
    respond(status, headers, body) {
      // Behind a body that is too long there is no telling where the next request begins.
      const last = connection.isEnding || status === 413 ? { connection: 'close' } : {}
      if (response.destroyed || response.headersSent) return connection.left(body.length)
      response.on('close', () => connection.left(body.length))
      response.writeHead(status, { ...headers, ...last })
      response.end(body)
    },
  }
}
