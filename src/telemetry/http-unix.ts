import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

import { HttpConnections } from './http-connections.ts'
import { answerRequest, type FindRoute } from './http-node.ts'
import { answerQuickly } from './http-quick.ts'
import { HttpServer } from './http-server.ts'
import type { Log } from '../lib/log.ts'
import { SocketFile } from '../lib/socket-file.ts'

export interface UnixHttpParts {
  readonly path: string
  readonly find: FindRoute
  /** Asked of each connection before anything is read from it; false: it is closed. */
  readonly admits: (socket: Socket) => boolean
  /** Told of what is no HTTP, or comes too slowly, and the status it was answered with. */
  readonly malformed: (status: number) => void
  /** Connections at once: for a further one the longest idle gives way. */
  readonly connections: number
  readonly log: Log
}

/** What Node calls requests that it cannot read, and the status that says so. */
const STATUS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
}

/** HTTP over a unix socket, whose file it puts in place and removes. */
export class UnixHttpListener {
  readonly #http: HttpServer
  readonly #file: SocketFile

  /** Rejects where the socket cannot be made. */
  static async open(parts: UnixHttpParts): Promise<UnixHttpListener> {
    const http = serverFor(parts)
    return new UnixHttpListener(http, await SocketFile.listen(http.server, parts.path))
  }

  private constructor(http: HttpServer, file: SocketFile) {
    this.#http = http
    this.#file = file
  }

  /** Removes the file, unless another process has put its own there, and cuts all connections. */
  async close(): Promise<void> {
    this.#file.remove()
    await new Promise<void>((resolve) => {
      this.#http.server.close(() => resolve())
      this.#http.closeAllConnections()
    })
  }
}

function serverFor({ find, admits, malformed, connections, log }: UnixHttpParts): HttpServer {
  const places = new HttpConnections(log, connections, false)
  return new HttpServer({
    admits(socket) {
      if (admits(socket)) return places.accept(socket)
      socket.destroy()
      return false
    },
    quick(socket, request) {
      const route = find(request.path)
      if (route === undefined) return null
      const end = places.begin(socket)
      if (end === null) return Promise.resolve(false)
      return answerQuickly(socket, request, route, () => false).finally(end)
    },
    serve: (request: IncomingMessage, response: ServerResponse) => {
      const end = places.begin(request.socket)
      if (end !== null) void answerRequest(request, response.once('close', end), find)
    },
    malformed(error, socket) {
      const [status, reason] = STATUS[error.code ?? ''] ?? [400, 'Bad Request']
      if (error.code === 'ECONNRESET' || !socket.writable) return
      malformed(status)
      socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\n\r\n`)
    },
  })
}
