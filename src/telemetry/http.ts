import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, ListenOptions } from 'node:net'
import { type Endpoint, joinHostPort, parseHostPort } from '../lib/address.ts'
import { DnsletError, reasonOf } from '../lib/errors.ts'
import type { HeldSocket, Inheritance } from '../lib/held-socket.ts'
import { descriptorOf } from '../lib/descriptor-of.ts'
import { clientOf } from '../lib/client-share.ts'
import { HttpConnections } from './http-connections.ts'
import { counter, type MetricSpec } from '../lib/metrics.ts'

export interface HttpReply {
  readonly status: number
  readonly contentType: string
  readonly body: string | Buffer
}

interface HttpRequest {
  /** The Accept header, '' where there is none. */
  readonly accept: string
  /** Whose share of a bound it counts against; see `clientOf()`. */
  readonly client: string
}

/** Answers one exact path. */
export type Route = (request: HttpRequest) => HttpReply | Promise<HttpReply>
export type Routes = Readonly<Record<string, Route>>

/** A share in the listener of an address. */
export interface HttpLease {
  /** The address as bound: `127.0.0.1:9153`, `[::1]:9153`, `:9153`; the kernel's port where 0 was asked. */
  readonly address: string
  readonly port: number
  /** Takes the routes back. The last share closes the listener; resolves when it is closed. */
  release(): Promise<void>
}

/**
 * An HTTP address that cannot be opened; the message says which, why and what to do. The code is the
 * system's (`EADDRINUSE`), `E_ADDRESS` for a malformed address, or `E_LISTEN`.
 */
export class HttpListenError extends DnsletError {}

/** Time for a request to arrive, an answer to leave, and an idle connection to live, as in CoreDNS. */
const TIMEOUT_MS = 5_000

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use: stop the program that uses it or configure another address',
  EADDRNOTAVAIL: 'no interface has this address: add it first or configure another address',
  EACCES:
    'permission denied: ports below 1024 need CAP_NET_BIND_SERVICE, or configure another port',
}

/**
 * Binds an address that Node cannot bind, because no interface has it yet: a descriptor for Node to
 * listen on, or null where Node may bind it. Throws an error with the system's code.
 */
export type HttpBinder = (host: string, port: number) => number | null

let bind: HttpBinder = () => null

/** Sets who binds addresses opened from now on. Set once, at the start of a process that needs it. */
export function setHttpBinder(binder: HttpBinder): void {
  bind = binder
}

/** The open listener of each `host:port`. A listener that is closing is not in it. */
const listeners = new Map<string, Listener>()

let inherited: Inheritance = { take: () => null }

/** Says where listeners that are opened from now on look for their socket first. */
export function inheritHttp(from: Inheritance): void {
  inherited = from
}

/** The open listening sockets, for a successor to have copies of. */
export function heldHttp(): HeldSocket[] {
  return [...new Set(listeners.values())].flatMap((listener) => listener.held())
}

/**
 * Accepts no more on any address, leaving the sockets to a successor: probes are to reach the process
 * that serves. Resolves when the requests that have come are answered, at most 5 s later.
 */
export async function letGoHttp(): Promise<void> {
  await Promise.all([...new Set(listeners.values())].map((listener) => listener.close()))
}

let failures = 0
export const listenFailuresMetric: MetricSpec = counter(
  'dnslet_http_listen_failures_total',
  'Failed attempts to open an HTTP address for metrics, health or readiness.',
  () => failures,
)

/**
 * Serves `routes` on `address`, opening it if nobody has. Shares of one address may have different
 * paths; where two have the same, the younger answers: a new configuration takes its share before
 * the old one gives back, so a reload shows no gap. Rejects with HttpListenError.
 */
export async function acquire(address: string, routes: Routes): Promise<HttpLease> {
  const parsed = parseHostPort(address)
  if (typeof parsed === 'string') throw new HttpListenError('E_ADDRESS', `Cannot listen: ${parsed}`)
  const { port } = parsed
  // Both spellings share a listener, and no resolver is asked.
  const host = parsed.host === 'localhost' ? '127.0.0.1' : parsed.host
  const key = joinHostPort(host, port)
  const shared = port === 0 ? undefined : listeners.get(key)
  const listener = shared ?? new Listener({ host, port })
  if (shared === undefined && port !== 0) listeners.set(key, listener)
  listener.shares.push(routes)
  try {
    await listener.opened
  } catch (error) {
    if (listeners.get(key) === listener) listeners.delete(key)
    throw error
  }
  listeners.set(listener.address, listener)
  let held = true
  return {
    address: listener.address,
    port: listener.port,
    async release() {
      if (!held) return
      held = false
      await listener.giveBack(routes)
    },
  }
}

class Listener {
  readonly #host: string
  port: number
  /** Resolves when the address is bound. */
  readonly opened: Promise<void>
  readonly shares: Routes[] = []
  readonly #connections = new HttpConnections()
  #server: Server | null = null

  constructor(address: Endpoint) {
    this.#host = address.host
    this.port = address.port
    this.opened = this.#open()
  }

  get address(): string {
    return joinHostPort(this.#host, this.port)
  }

  async giveBack(routes: Routes): Promise<void> {
    this.shares.splice(this.shares.lastIndexOf(routes), 1)
    if (this.shares.length > 0) return
    if (listeners.get(this.address) === this) listeners.delete(this.address)
    await this.close()
  }

  held(): HeldSocket[] {
    const fd = this.#server === null ? -1 : descriptorOf(this.#server)
    return fd < 0 ? [] : [{ kind: 'http', host: this.#host, port: this.port, fd }]
  }

  async #open(): Promise<void> {
    // As a module it would be imported with all its exports, and some of them load an HTTP client:
    // 13 MB and 25 ms for nothing.
    // An import of it also loads undici: 13 MB, 25 ms.
    const { createServer } = process.getBuiltinModule('node:http')
    const server = createServer(
      {
        requestTimeout: TIMEOUT_MS,
        headersTimeout: TIMEOUT_MS,
        keepAliveTimeout: TIMEOUT_MS,
        connectionsCheckingInterval: 1_000,
      },
      (request, response) => void this.#serve(request, response),
    )
    server.setTimeout(TIMEOUT_MS)
    this.#acceptFor(server)
    const fd = inherited.take('http', this.#host, this.port)
    try {
      await listen(server, this.#host, this.port, fd)
    } catch (error) {
      failures++
      throw explain(this.address, error)
    }
    this.port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Cuts connections before a parser is made for them: that is most of what one costs. */
  #acceptFor(server: Server): void {
    const parse = server.listeners('connection')
    server.removeAllListeners('connection')
    server.on('connection', (socket) => {
      if (this.#connections.accept(socket)) for (const one of parse) one.call(server, socket)
    })
  }

  /** Closes the listener, whoever has a share in it. */
  async close(): Promise<void> {
    const server = this.#server
    if (server === null) return
    this.#server = null
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => server.closeAllConnections(), TIMEOUT_MS)
      server.close(() => {
        clearTimeout(timer)
        resolve()
      })
      server.closeIdleConnections()
    })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#connections.begin(request.socket, response)) return
    const { status, contentType, body } = await this.#answer(request)
    response.writeHead(status, {
      'Content-Type': contentType,
      'Content-Length': Buffer.byteLength(body),
      'X-Content-Type-Options': 'nosniff',
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  async #answer(request: IncomingMessage): Promise<HttpReply> {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    const route = this.shares.findLast((routes) => Object.hasOwn(routes, path))?.[path]
    if (route === undefined) return plainText(404, '404 page not found\n')
    try {
      const client = clientOf(request.socket.remoteAddress ?? '')
      return await route({ accept: request.headers.accept ?? '', client })
    } catch (error) {
      return plainText(500, `Cannot answer ${path}: ${reasonOf(error)}\n`)
    }
  }
}

/** A reply of type text/plain. */
export function plainText(status: number, body: string): HttpReply {
  return { status, contentType: 'text/plain; charset=utf-8', body }
}

function listen(server: Server, host: string, port: number, fd: number | null): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(fd === null ? target(host, port) : { fd }, () => {
      server.off('error', reject)
      // A failing accept (out of descriptors) must not end the daemon.
      server.on('error', () => {})
      resolve()
    })
  })
}

/** What a server is to listen on. */
function target(host: string, port: number): ListenOptions | { readonly fd: number } {
  const fd = bind(host, port)
  if (fd !== null) return { fd }
  // SO_REUSEPORT lets the next process take over the address before this one leaves it.
  const reusePort = process.platform === 'linux'
  return { port, reusePort, ...(host === '' ? {} : { host }) }
}

function explain(address: string, error: unknown): HttpListenError {
  const code = (error as NodeJS.ErrnoException).code ?? 'E_LISTEN'
  const reason = REMEDIES[code] ?? `${reasonOf(error)}: configure another address`
  return new HttpListenError(code, `Cannot listen on ${address}: ${reason}`, { cause: error })
}
