import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Server, Socket } from 'node:net'
import { type Endpoint, joinHostPort, parseHostPort } from '../lib/address.ts'
import { descriptorOf } from '../lib/descriptor-of.ts'
import { DnsletError, reasonOf } from '../lib/errors.ts'
import type { HeldSocket } from '../lib/held-socket.ts'
import type { Http, HttpLease, HttpRoute, HttpRoutes } from '../lib/http.ts'
import type { Log } from '../lib/log.ts'
import { counter, type MetricSpec } from '../lib/metrics.ts'
import { TIMEOUT_MS } from './http-answer.ts'
import { HttpConnections } from './http-connections.ts'
import { answerRequest } from './http-node.ts'
import { answerQuickly, type QuickRequest } from './http-quick.ts'
import { HttpServer } from './http-server.ts'

/**
 * An HTTP address that cannot be opened; the message says which, why and what to do. The code is the
 * system's (`EADDRINUSE`), `E_ADDRESS` for a malformed address, or `E_LISTEN`.
 */
export class HttpListenError extends DnsletError {}

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use: stop the program that uses it or configure another address',
  EADDRNOTAVAIL: 'no interface has this address: add it first or configure another address',
  EACCES:
    'permission denied: ports below 1024 need CAP_NET_BIND_SERVICE, or configure another port',
}

let failures = 0
export const listenFailuresMetric: MetricSpec = counter(
  'dnslet_http_listen_failures_total',
  'Failed attempts to open an HTTP address for metrics, health or readiness.',
  () => failures,
)

export interface HttpParts {
  /** Has a server listen, with SO_REUSEPORT. Rejects with the system's error. */
  readonly listen: (server: Server, host: string, port: number) => Promise<void>
  readonly log: Log
}

/** The process's HTTP listeners: one for each address, however many share it. */
export class HttpListeners implements Http {
  readonly #parts: HttpParts
  /** The open listener of each `host:port`. A listener that is closing is not in it. */
  readonly #open = new Map<string, Listener>()
  readonly #besides: Beside[] = []

  constructor(parts: HttpParts) {
    this.#parts = parts
  }

  async acquire(address: string, routes: HttpRoutes): Promise<HttpLease> {
    const parsed = parseHostPort(address)
    if (typeof parsed === 'string')
      throw new HttpListenError('E_ADDRESS', `Cannot listen: ${parsed}`)
    const { port } = parsed
    // Both spellings share a listener, and no resolver is asked.
    const host = parsed.host === 'localhost' ? '127.0.0.1' : parsed.host
    const key = joinHostPort(host, port)
    const shared = port === 0 ? undefined : this.#open.get(key)
    const listener = shared ?? new Listener({ host, port }, this.#parts, this.#besides)
    if (shared === undefined && port !== 0) this.#open.set(key, listener)
    listener.shares.push(routes)
    try {
      await listener.opened
    } catch (error) {
      this.#forget(listener)
      throw error
    }
    this.#open.set(listener.address, listener)
    let held = true
    return {
      address: listener.address,
      port: listener.port,
      release: async () => {
        if (!held) return
        held = false
        listener.shares.splice(listener.shares.lastIndexOf(routes), 1)
        if (listener.shares.length > 0) return
        this.#forget(listener)
        await listener.close()
      },
    }
  }

  /** From now on, every address that has `path` has these routes too; a share's own go before them. */
  addBeside(path: string, routes: HttpRoutes): void {
    this.#besides.push({ beside: path, routes })
  }

  #forget(listener: Listener): void {
    if (this.#open.get(listener.address) === listener) this.#open.delete(listener.address)
  }

  /** The open listening sockets, for a successor to have copies of. */
  held(): HeldSocket[] {
    return [...new Set(this.#open.values())].flatMap((listener) => listener.held())
  }

  /**
   * Accepts no more on any address, leaving the sockets to a successor: probes are to reach the process
   * that serves. Resolves when the requests that have come are answered, at most 5 s later.
   */
  async stopReading(): Promise<void> {
    await Promise.all([...new Set(this.#open.values())].map((listener) => listener.close()))
  }
}

/** Routes of every address that has the path `beside`. */
interface Beside {
  readonly beside: string
  readonly routes: HttpRoutes
}

class Listener {
  readonly #host: string
  port: number
  /** Resolves when the address is bound. */
  readonly opened: Promise<void>
  readonly shares: HttpRoutes[] = []
  readonly #connections: HttpConnections
  readonly #besides: readonly Beside[]
  #server: HttpServer | null = null

  constructor({ host, port }: Endpoint, { listen, log }: HttpParts, besides: readonly Beside[]) {
    this.#besides = besides
    this.#host = host
    this.port = port
    this.#connections = new HttpConnections(log)
    this.opened = this.#listen(listen)
  }

  get address(): string {
    return joinHostPort(this.#host, this.port)
  }

  held(): HeldSocket[] {
    const fd = this.#server === null ? -1 : descriptorOf(this.#server.server)
    return fd < 0 ? [] : [{ kind: 'http', host: this.#host, port: this.port, fd }]
  }

  async #listen(listen: HttpParts['listen']): Promise<void> {
    const http = new HttpServer({
      admits: (socket) => this.#connections.accept(socket),
      quick: (socket, request) => this.#answerQuickly(socket, request),
      serve: (request, response) => void this.#serve(request, response),
    })
    const { server } = http
    try {
      await listen(server, this.#host, this.port)
    } catch (error) {
      failures++
      throw explain(this.address, error)
    }
    // A failing accept (out of descriptors) must not end the daemon.
    server.on('error', () => {})
    this.port = (server.address() as AddressInfo).port
    this.#server = http
  }

  /** Closes the listener, however many share it. */
  async close(): Promise<void> {
    const http = this.#server
    if (http === null) return
    this.#server = null
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => http.closeAllConnections(), TIMEOUT_MS)
      http.server.close(() => {
        clearTimeout(timer)
        resolve()
      })
      http.closeIdleConnections()
    })
  }

  #answerQuickly(socket: Socket, request: QuickRequest): Promise<boolean> | null {
    const route = this.#find(request.path)
    if (route === undefined) return null
    const end = this.#connections.begin(socket)
    if (end === null) return Promise.resolve(false)
    return answerQuickly(socket, request, route, () => this.#server === null).finally(end)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const end = this.#connections.begin(request.socket)
    if (end === null) return
    await answerRequest(request, response.once('close', end), (path) => this.#find(path))
  }

  #find(path: string): HttpRoute | undefined {
    const of = (wanted: string): HttpRoute | undefined =>
      this.shares.findLast((routes) => Object.hasOwn(routes, wanted))?.[wanted]
    const own = of(path)
    if (own !== undefined) return own
    for (const { beside, routes } of this.#besides) {
      if (Object.hasOwn(routes, path) && of(beside) !== undefined) return routes[path]
    }
    return undefined
  }
}

function explain(address: string, error: unknown): HttpListenError {
  const code = (error as NodeJS.ErrnoException).code ?? 'E_LISTEN'
  const reason = REMEDIES[code] ?? `${reasonOf(error)}: configure another address`
  return new HttpListenError(code, `Cannot listen on ${address}: ${reason}`, { cause: error })
}
