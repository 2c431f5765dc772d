import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer, type Server as SocketServer, type Socket } from 'node:net'

import { TIMEOUT_MS } from './http-answer.ts'
import { serverOptions } from './http-node.ts'
import { type QuickRequest, quickRequest } from './http-quick.ts'

export interface HttpServerParts {
  /** Asked of each connection before anything is read from it; false where it was cut. */
  readonly admits: (socket: Socket) => boolean
  /**
   * Answers a simple request; null where it does not. Resolves when the answer has left, to whether the connection
   * goes on; never rejects. Default: nobody does.
   */
  readonly quick?: (socket: Socket, request: QuickRequest) => Promise<boolean> | null
  readonly serve: (request: IncomingMessage, response: ServerResponse) => void
  /** Told of what is no HTTP; default: Node's answer. */
  readonly malformed?: (error: NodeJS.ErrnoException, socket: Socket) => void
}

/**
 * A server that has one of node:http's behind it only while somebody speaks more than what probes and scrapes say:
 * that has a timer, each second, for as long as it listens, and costs more than the making of an answer.
 *
 *     connection ──admits──▶ what it says ──a simple request──▶ quick ──answered──▶ what it says next
 *                                 └────────anything else───────▶ node:http, until the last connection ends
 */
export class HttpServer {
  /** To have listen, and to close. */
  readonly server: SocketServer
  readonly #parts: HttpServerParts
  /** Connections that are not node:http's, and whether a request of theirs is under way. */
  readonly #own = new Map<Socket, boolean>()
  #http: Server | null = null
  /** Connections that are node:http's. */
  #handed = 0

  constructor(parts: HttpServerParts) {
    this.#parts = parts
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      if (!parts.admits(socket)) return
      if (parts.quick === undefined) this.#hand(socket)
      else this.#await(socket, parts.quick)
    })
  }

  /** Cuts connections without a request under way. */
  closeIdleConnections(): void {
    for (const [socket, isBusy] of this.#own) if (!isBusy) socket.destroy()
    this.#http?.closeIdleConnections()
  }

  closeAllConnections(): void {
    for (const socket of this.#own.keys()) socket.destroy()
    this.#http?.closeAllConnections()
  }

  #await(socket: Socket, quick: NonNullable<HttpServerParts['quick']>): void {
    const heard = (chunk: Buffer): void => {
      const request = this.#isBusy(socket) ? null : quickRequest(chunk)
      const answered = request === null ? null : quick(socket, request)
      if (answered !== null) {
        this.#own.set(socket, true)
        void answered.then((goesOn) => this.#goOn(socket, goesOn))
        return
      }
      socket.pause()
      socket.unshift(chunk)
      // Said ahead of an answer: heard behind it.
      if (this.#isBusy(socket)) return
      settle()
      this.#hand(socket)
      // What node:http reads itself comes behind what was read here.
      process.nextTick(() => socket.resume())
    }
    const cut = (): void => void socket.destroy()
    const ended = (): void => {
      if (!this.#isBusy(socket)) cut()
    }
    const settle = (): void => {
      this.#own.delete(socket)
      socket.off('data', heard).off('end', ended).off('close', settle).off('timeout', cut)
      socket.setTimeout(0)
    }
    this.#own.set(socket, false)
    socket.on('error', () => {})
    socket.on('data', heard).on('end', ended).on('close', settle).on('timeout', cut)
    socket.setTimeout(TIMEOUT_MS)
  }

  #isBusy(socket: Socket): boolean {
    return this.#own.get(socket) === true
  }

  /** After an answer. One that does not go on ends by itself. */
  #goOn(socket: Socket, goesOn: boolean): void {
    if (!goesOn || !this.#own.has(socket)) return
    if (socket.readableEnded || !this.server.listening) return socket.destroySoon()
    this.#own.set(socket, false)
    // The answer may have taken longer, by its route's leave.
    socket.setTimeout(TIMEOUT_MS)
    if (socket.isPaused()) socket.resume()
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
