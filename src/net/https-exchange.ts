import type { Readable } from 'node:stream'

import { Protocol, type Query, type ReplyTarget } from '../serve/query.ts'
import { maxAge } from './https-max-age.ts'
import { DNS_MESSAGE, isQuery, readHead } from './https-request.ts'
import { MAX_QUERY } from './tcp-limits.ts'

/** A request as both versions of HTTP have it, and how to answer it. */
export interface HttpsRequest {
  readonly method: string
  readonly url: string
  readonly contentType: string | undefined
  readonly contentLength: string | undefined
  readonly body: Readable
  /** Whether nobody waits for a response any more: what there is of a body may be a part of it. */
  isGone(): boolean
  /** Sends a response; to be called once. Never throws. */
  respond(status: number, headers: Readonly<Record<string, string>>, body: Buffer): void
}

/** The connection of a request. */
export interface HttpsPeer {
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  readonly remotePort: number
  /** Where replies are built. */
  readonly reply: Buffer
  /** The body of one request more, or less, is waited for. */
  awaits(more: 1 | -1): void
  /** Counts octets of bodies that wait for their end. */
  hold(octets: number): void
  /** Serves a query. */
  serve(message: Buffer, target: ReplyTarget): void
  /** A query has its answer. */
  served(): void
  /** The client has given a request up before it was whole. */
  abandoned(): void
  /** Counts a response that is about to be sent. */
  answering(status: number, octets: number): void
}

const reasons: Readonly<Record<number, string>> = {
  400: 'invalid request',
  404: 'not found: ask at /dns-query',
  405: 'method not allowed: GET or POST',
  413: 'query too long',
  414: 'query too long',
  415: `not ${DNS_MESSAGE}`,
  500: 'No response',
}

/** One request of DNS over HTTPS, from its head to its response: the target of its query. */
export class HttpsExchange implements ReplyTarget {
  readonly protocol: Protocol = Protocol.Tcp
  readonly maxSize: number = 65_535
  readonly #connection: HttpsPeer
  readonly #request: HttpsRequest
  #chunks: Buffer[] = []
  #length = 0
  #answered = false
  #asked = false
  #awaited = false

  constructor(connection: HttpsPeer, request: HttpsRequest) {
    this.#connection = connection
    this.#request = request
  }

  /** Answers at once, or waits for the body. */
  begin(): void {
    const { method, url, contentType, contentLength, body } = this.#request
    const asked = readHead(method, url, contentType, contentLength)
    if (asked === 'body') {
      this.#awaited = true
      this.#connection.awaits(1)
      body.on('data', this.#received)
      body.on('end', this.#whole)
      body.on('close', this.#cut)
      return
    }
    // What a client sends behind its head is read to see what comes next.
    body.resume()
    if (typeof asked === 'number') this.#refuse(asked)
    else this.#serve(asked)
  }

  readonly #received = (chunk: Buffer): void => {
    if (this.#answered) return
    this.#length += chunk.length
    if (this.#length > MAX_QUERY) return this.#refuse(413)
    this.#chunks.push(chunk)
    this.#connection.hold(chunk.length)
  }

  readonly #whole = (): void => {
    // HTTP/2 ends a body that its client has cut, too.
    if (!this.#answered && !this.#request.isGone()) this.#serve(Buffer.concat(this.#chunks))
  }

  /** At the latest when the client gives up within its request. */
  readonly #cut = (): void => {
    this.#forget()
    if (this.#asked || this.#answered) return
    this.#answered = true
    this.#connection.abandoned()
  }

  /** The body is served, or nobody wants it. */
  #forget(): void {
    if (this.#awaited) this.#connection.awaits(-1)
    this.#awaited = false
    let held = 0
    for (const { length } of this.#chunks) held += length
    this.#chunks = []
    if (held > 0) this.#connection.hold(-held)
  }

  #serve(message: Buffer): void {
    this.#forget()
    if (message.length > MAX_QUERY) this.#refuse(413)
    else if (!isQuery(message)) this.#refuse(400)
    else {
      this.#asked = true
      this.#connection.serve(message, this)
    }
  }

  #refuse(status: number): void {
    this.#forget()
    const text = Buffer.from(`${reasons[status] ?? ''}\n`)
    const headers: Record<string, string> = { 'content-type': 'text/plain; charset=utf-8' }
    if (status === 405) headers['allow'] = 'GET, POST'
    this.#respond(status, headers, text)
  }

  #respond(status: number, headers: Record<string, string>, body: Buffer): void {
    this.#answered = true
    headers['content-length'] = String(body.length)
    headers['x-content-type-options'] = 'nosniff'
    this.#connection.answering(status, body.length)
    this.#request.respond(status, headers, body)
  }

  reserve(_q: Query): Buffer {
    return this.#connection.reply
  }

  send(q: Query, length: number): void {
    const { reply } = this.#connection
    const age = maxAge(reply, length, q.question)
    const headers = { 'content-type': DNS_MESSAGE, 'cache-control': `max-age=${age}` }
    // The buffer is the next reply's at once.
    this.#respond(200, headers, Buffer.copyBytesFrom(reply, 0, length))
    this.#connection.served()
  }

  drop(_q: Query): void {
    this.#refuse(500)
    this.#connection.served()
  }

  get localAddress(): string {
    return this.#connection.localAddress
  }

  get localPort(): number {
    return this.#connection.localPort
  }

  remoteAddress(_q: Query): string {
    return this.#connection.remoteAddress
  }

  remotePort(_q: Query): number {
    return this.#connection.remotePort
  }

  isIPv6(_q: Query): boolean {
    return this.#connection.remoteAddress.includes(':')
  }
}
