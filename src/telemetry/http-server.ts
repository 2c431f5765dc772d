import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer, type Server as SocketServer, type Socket } from 'node:net'

import { serverOptions, TIMEOUT_MS } from './http-answer.ts'
import { probedPath } from './http-probe.ts'

export interface HttpServerParts {
  /** Asked of each connection before anything is read from it; false where it was cut. */
  readonly admits: (socket: Socket) => boolean
  /** Answers a probe for a path, and ends the connection; false where it does not. Default: nobody does. */
  readonly probed?: (socket: Socket, path: string) => boolean
  readonly serve: (request: IncomingMessage, response: ServerResponse) => void
  /** Told of what is no HTTP; default: Node's answer. */
  readonly malformed?: (error: NodeJS.ErrnoException, socket: Socket) => void
}

/**
 * A server that has one of node:http's behind it only while somebody speaks more than a probe: that has a
 * timer, each second, for as long as it listens, and an idle daemon has five of them.
 *
 *     connection ──admits──▶ first octets ──a probe──▶ probed
 *                                 └──────anything else──▶ node:http, until the last connection ends
 */
export class HttpServer {
  /** To have listen, and to close. */
  readonly server: SocketServer
  readonly #parts: HttpServerParts
  /** Connections that have said nothing so far. */
  readonly #silent = new Set<Socket>()
  #http: Server | null = null
  /** Connections that are node:http's. */
  #handed = 0

  constructor(parts: HttpServerParts) {
    this.#parts = parts
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      if (!parts.admits(socket)) return
      if (parts.probed === undefined) this.#hand(socket)
      else this.#await(socket, parts.probed)
    })
  }

  /** Cuts connections without a request under way. */
  closeIdleConnections(): void {
    for (const socket of this.#silent) socket.destroy()
    this.#http?.closeIdleConnections()
  }

  closeAllConnections(): void {
    for (const socket of this.#silent) socket.destroy()
    this.#http?.closeAllConnections()
  }

  #await(socket: Socket, probed: (socket: Socket, path: string) => boolean): void {
    const first = (chunk: Buffer): void => {
      settle()
      const path = probedPath(chunk)
      if (path !== null && probed(socket, path)) return
      socket.pause()
      socket.unshift(chunk)
      this.#hand(socket)
      // What node:http reads itself comes behind what was read here.
      process.nextTick(() => socket.resume())
    }
    const cut = (): void => void socket.destroy()
    const settle = (): void => {
      this.#silent.delete(socket)
      socket.off('data', first).off('end', cut).off('close', settle).setTimeout(0, cut)
    }
    this.#silent.add(socket)
    socket.on('error', () => {})
    socket.on('data', first).on('end', cut).on('close', settle).setTimeout(TIMEOUT_MS, cut)
  }

  #hand(socket: Socket): void {
    this.#http ??= this.#open()
    this.#handed++
    socket.once('close', () => {
      if (--this.#handed > 0) return
      // It does not listen: this ends its timer.
      this.#http?.close()
      this.#http = null
    })
    this.#http.emit('connection', socket)
  }

  #open(): Server {
    // An import of it also loads undici: 13 MB, 25 ms.
    const { createServer: createHttpServer } = process.getBuiltinModule('node:http')
    const server = createHttpServer(serverOptions, this.#parts.serve)
    server.setTimeout(TIMEOUT_MS)
    if (this.#parts.malformed !== undefined) server.on('clientError', this.#parts.malformed)
    // From here on it looks which requests are late.
    server.emit('listening')
    return server
  }
}
