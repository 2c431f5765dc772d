import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { isIPv6 } from 'node:net'
import { codeOf } from './error-code.ts'
import type { Secure } from './secure.ts'

/** Streams at once on one connection, where the server says no less: what RFC 9113 §6.5.2 has everybody allow. */
const MAX_STREAMS = 100
/** The longest message there is. */
const MAX_MESSAGE = 0xffff
/** Streams of a connection are numbered, and the numbers end. */
const MAX_QUERIES = 1_000_000
const PORT = 443
const PATH = '/dns-query'
const MIME = 'application/dns-message'
/** Error codes of streams (RFC 9113 §7). */
const NO_ERROR = 0
const CANCEL = 8

/** Loaded only where an upstream is asked over HTTPS. */
function http2(): typeof import('node:http2') {
  return process.getBuiltinModule('node:http2')
}

/** Who waits for one answer; hears one of both, once, later. */
export interface Caller {
  /** A whole message, as long as it likes, of whatever content. */
  replied(message: Buffer): void
  /** There will be none. `code`: `HTTP_404` for a status, the code of an error, or null where it just ended. */
  failed(code: string | null): void
}

/** Who opened a connection. */
export interface Http2Owner {
  /** It takes queries. */
  ready(): void
  /** It is over, or never came to be. */
  ended(code: string | null): void
}

/** A connection to an upstream that speaks DNS over HTTPS (RFC 8484), with HTTP/2. */
export class Http2Connection {
  readonly #secure: Secure
  readonly #owner: Http2Owner
  readonly #socket: TLSSocket
  readonly #authority: string
  #session: ClientHttp2Session | null = null
  #code: string | null = null
  #over = false
  #asked = 0
  /** Queries under way, those that nobody waits for included. */
  count = 0

  constructor(secure: Secure, owner: Http2Owner) {
    this.#secure = secure
    this.#owner = owner
    this.#authority = authorityOf(secure)
    this.#socket = secure.connect(null, ['h2'])
    this.#socket.once('secureConnect', () => this.#connected())
    this.#socket.on('error', (error) => this.#failed(error))
    this.#socket.once('close', () => this.#end())
  }

  /** Whether it takes another query now. */
  get hasRoom(): boolean {
    const session = this.#session
    if (session === null || session.closed || session.destroyed) return false
    const most = session.remoteSettings.maxConcurrentStreams ?? MAX_STREAMS
    return this.count < Math.min(most, MAX_STREAMS)
  }

  /** Asks; only where there is room. Returns what calls it off: then the caller hears nothing. */
  ask(query: Buffer, caller: Caller): () => void {
    const get = this.#secure.method === 'GET'
    const stream = this.#session!.request(this.#headers(query), { endStream: get })
    const chunks: Buffer[] = []
    let length = 0
    let status = 0
    let whole = false
    let code: string | null = null
    let waits = true
    this.count++
    stream.on('response', (headers) => (status = headers[':status'] ?? 0))
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > MAX_MESSAGE) stream.close(CANCEL)
      else chunks.push(chunk)
    })
    stream.on('end', () => (whole = stream.rstCode === NO_ERROR))
    stream.on('error', (error) => (code = codeOf(error)))
    stream.on('close', () => {
      this.count--
      if (!waits) return
      waits = false
      if (!whole || length > MAX_MESSAGE || status === 0) caller.failed(code)
      else if (status < 200 || status > 299) caller.failed(`HTTP_${status}`)
      else caller.replied(Buffer.concat(chunks, length))
    })
    if (!get) stream.end(query)
    if (++this.#asked >= MAX_QUERIES) this.close()
    return () => {
      waits = false
      stream.close(CANCEL)
    }
  }

  #headers(query: Buffer): OutgoingHttpHeaders {
    const common = { ':scheme': 'https', ':authority': this.#authority, accept: MIME }
    if (this.#secure.method === 'GET') {
      const path = `${PATH}?dns=${query.toString('base64url')}`
      return { ...common, ':method': 'GET', ':path': path }
    }
    const body = { 'content-type': MIME, 'content-length': query.length }
    return { ...common, ...body, ':method': 'POST', ':path': PATH }
  }

  /** Ends it once what is under way has its answer. */
  close(): void {
    if (this.#session === null) this.destroy()
    else this.#session.close()
  }

  /** Ends it, and fails what is under way. */
  destroy(code: string | null = null): void {
    this.#code ??= code
    this.#session?.destroy()
    this.#socket.destroy()
  }

  #connected(): void {
    if (this.#socket.alpnProtocol !== 'h2') {
      this.#failed(Object.assign(new Error('no HTTP/2'), { code: 'ERR_HTTP2_NONE' }))
      this.destroy()
      return
    }
    const session = http2().connect(`https://${this.#authority}`, {
      createConnection: () => this.#socket,
      settings: { enablePush: false },
    })
    this.#session = session
    session.on('error', (error) => this.#failed(error))
    session.once('close', () => this.#end())
    this.#owner.ready()
  }

  #failed(error: Error): void {
    this.#code ??= codeOf(error)
    this.#secure.failed(error)
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.#socket.destroy()
    // Not within a call of the owner's.
    process.nextTick(() => this.#owner.ended(this.#code))
  }
}

/** The server's name where it has one: behind an address may be many. */
function authorityOf({ endpoint, serverName }: Secure): string {
  const name = serverName ?? endpoint.host.replace(/%.*$/, '')
  const host = isIPv6(name) ? `[${name}]` : name
  return endpoint.port === PORT ? host : `${host}:${endpoint.port}`
}
