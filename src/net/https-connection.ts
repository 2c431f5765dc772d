import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

import { unmapped } from '../lib/address.ts'
import { clientOf } from '../lib/client-share.ts'
import { Place } from '../lib/places.ts'
import type { ReplyTarget } from '../serve/query.ts'
import { clientSockaddr } from '../sys/sockaddr.ts'
import { httpsResponses, TcpEnd } from './counters.ts'
import { readHttp1 } from './http1.ts'
import { HttpsExchange, type HttpsPeer, type HttpsRequest } from './https-exchange.ts'
import { MAX_IN_FLIGHT, MAX_UNSENT_HARD, RETIRED_IDLE_MS, RETIRED_MS } from './tcp-limits.ts'
import type { ClientConnection, Connect, TcpShared } from './tcp-shared.ts'

const State = {
  /** No request yet. */
  New: 0,
  Open: 1,
  /** Takes no more requests; responses still go out. */
  Ending: 2,
  Closed: 3,
} as const
type State = (typeof State)[keyof typeof State]

/** Octets of a request's head, of both versions. */
const MAX_HEAD = 16_384
/** Octets that a response costs beside its body. */
const HEAD_COST = 512

/** Speaks DNS over HTTPS (RFC 8484): HTTP/2 where TLS has agreed on it, else HTTP/1.1. */
export const connectHttps: Connect = (stream, shared) => new HttpsConnection(stream, shared)

/**
 * A client's HTTP connection. Its requests are served as they arrive.
 *
 *     New ──first request──▶ Open ──the listener closes──▶ Ending ──last response out──▶ Closed
 *       └──────────────────────┴──── timeout, reset, overflow ──┴──────────────────────────▶
 */
class HttpsConnection implements ClientConnection, HttpsPeer {
  readonly client: string
  readonly place: Place = new Place(this)
  rosterAt = -1
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  readonly remotePort: number
  /** Octets of bodies that have not come whole. */
  held = 0
  /** Octets of responses that the client has not read. */
  unsent = 0

  readonly #socket: Socket
  readonly #session: ServerHttp2Session | null
  readonly #shared: TcpShared<ClientConnection>
  readonly #sockaddr: Buffer
  #state: State = State.New
  /** Requests without a response that has left. */
  #requests = 0
  #inFlight = 0
  /** Requests whose body has not come whole. */
  #bodies = 0
  /** When the first of them began, or one has come since. */
  #bodyAt = 0
  #activeAt: number
  /** When a response left last, or waits since. */
  #movedAt = 0
  #retiresAt = Infinity
  #isLast = false
  #reason: TcpEnd = TcpEnd.Client

  constructor(socket: Socket, shared: TcpShared<ClientConnection>) {
    this.#socket = socket
    this.#shared = shared
    this.#activeAt = shared.clock.refresh()
    this.localAddress = unmapped(socket.localAddress ?? '')
    this.localPort = socket.localPort ?? 0
    this.remoteAddress = unmapped(socket.remoteAddress ?? '')
    this.remotePort = socket.remotePort ?? 0
    this.#sockaddr = clientSockaddr(this.remoteAddress, this.remotePort)
    this.client = clientOf(this.remoteAddress)
    socket.on('error', this.#broken)
    socket.on('close', this.#closed)
    this.#session = (socket as TLSSocket).alpnProtocol === 'h2' ? this.#begin2(socket) : null
    if (this.#session === null) readHttp1(socket, this, MAX_HEAD)
  }

  #begin2(socket: Socket): ServerHttp2Session {
    const session = process.getBuiltinModule('node:http2').performServerHandshake(socket, {
      maxSessionMemory: 1,
      settings: { maxConcurrentStreams: MAX_IN_FLIGHT, maxHeaderListSize: MAX_HEAD },
    })
    session.on('error', this.#broken)
    session.on('stream', (stream, headers) => {
      stream.on('error', () => {})
      this.take({
        method: headers[':method'] ?? '',
        url: headers[':path'] ?? '',
        contentType: headers['content-type'],
        contentLength: headers['content-length'],
        body: stream,
        isGone: () => stream.destroyed || stream.closed,
        respond: (status, more, body) => this.#respond2(stream, status, more, body),
      })
    })
    return session
  }

  #respond2(
    stream: ServerHttp2Stream,
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Buffer,
  ): void {
    if (stream.destroyed || stream.closed || stream.headersSent) return this.left(body.length)
    stream.on('close', () => this.left(body.length))
    stream.respond({ ':status': status, ...headers })
    stream.end(body)
  }

  readonly #broken = (): void => {
    if (this.#reason === TcpEnd.Client) this.#reason = TcpEnd.Error
  }

  readonly #closed = (): void => {
    this.#state = State.Closed
    this.#forget()
    this.#shared.closed(this, this.#reason)
  }

  #forget(): void {
    this.#shared.waiting.give(this.held)
    this.#shared.unsent.give(this.unsent)
    this.held = this.unsent = 0
  }

  /** Takes a request. */
  take(request: HttpsRequest): void {
    if (this.#state === State.Closed) return
    this.#requests++
    // HTTP/2 has told its clients; one that sends so much ahead over HTTP/1.1 is cut.
    if (this.#requests > MAX_IN_FLIGHT) return this.destroy(TcpEnd.Overflow)
    if (this.#state === State.New) this.#state = State.Open
    new HttpsExchange(this, request).begin()
    if (this.#isLast) this.end(TcpEnd.Shutdown)
  }

  /** Serves the query of a request. */
  serve(message: Buffer, target: ReplyTarget): void {
    const { clock, dispatcher, message: wire, query } = this.#shared
    this.#inFlight++
    this.#activeAt = clock.refresh()
    message.copy(wire)
    query.target = target
    query.client = this.#sockaddr
    query.reset(wire, message.length, clock.now)
    this.#shared.touched(this)
    dispatcher.dispatch(query)
  }

  /** A query has its answer. */
  served(): void {
    this.#inFlight--
    this.#shared.touched(this)
  }

  /** The body of one request more, or less, is waited for. */
  awaits(more: 1 | -1): void {
    this.#bodies += more
    if (more < 0 || this.#bodies === 1) this.#bodyAt = this.#shared.clock.refresh()
  }

  /** The client has given a request up before it was whole. */
  abandoned(): void {
    if (this.#state !== State.Closed) this.#ended()
  }

  /** Counts octets of bodies that wait for their end. */
  hold(octets: number): void {
    if (this.#state === State.Closed) return
    const { waiting } = this.#shared
    this.held += octets
    waiting.take(octets)
    if (octets > 0 && waiting.wouldExceed(0)) this.#shared.overfull()
  }

  /** Counts a response that is about to be sent. */
  answering(status: number, octets: number): void {
    httpsResponses.get(this.#shared.server ?? '', String(status)).count++
    if (this.#state === State.Closed) return
    this.#activeAt = this.#shared.clock.now
    if (this.unsent === 0) this.#movedAt = this.#activeAt
    this.unsent += octets + HEAD_COST
    this.#shared.unsent.take(octets + HEAD_COST)
    this.#shared.touched(this)
    if (this.unsent > MAX_UNSENT_HARD) this.destroy(TcpEnd.Overflow)
    else if (this.#shared.unsent.isFarExceeded) this.#shared.unread()
  }

  /** A response of so many octets has left, or never will. */
  left(octets: number): void {
    if (this.#state === State.Closed) return
    this.unsent -= octets + HEAD_COST
    this.#shared.unsent.give(octets + HEAD_COST)
    this.#movedAt = this.#shared.clock.refresh()
    this.#shared.touched(this)
    this.#ended()
  }

  #ended(): void {
    this.#requests--
    if (this.#state === State.Ending && this.#requests === 0) this.#finish()
  }

  get reply(): Buffer {
    return this.#shared.reply
  }

  get activeAt(): number {
    return this.#activeAt
  }

  get busy(): boolean {
    return this.#inFlight > 0 || this.unsent > 0
  }

  /** Whether HTTP/1.1 shall say that this response is the last. */
  get isEnding(): boolean {
    return this.#state >= State.Ending || this.#isLast
  }

  end(reason: TcpEnd): void {
    if (this.#state >= State.Ending) return
    this.#state = State.Ending
    this.#reason = reason
    this.#session?.close()
    if (this.#requests === 0) this.#finish()
  }

  /** HTTP/2 has sent GOAWAY and closes by itself. */
  #finish(): void {
    if (this.#session === null) this.#socket.destroySoon()
  }

  drain(): void {
    if (this.#state === State.New) this.#isLast = true
    else this.end(TcpEnd.Shutdown)
  }

  endWhenIdle(now: number): void {
    this.#retiresAt = now + RETIRED_MS
  }

  destroy(reason: TcpEnd): void {
    if (this.#state === State.Closed) return
    this.#reason = reason
    this.#forget()
    this.#state = State.Closed
    this.#session?.destroy()
    this.#socket.destroy()
  }

  giveWay(): void {
    if (this.#shared.unsent.isFarExceeded) this.destroy(TcpEnd.Overflow)
    else this.destroy(this.#shared.waiting.wouldExceed(0) ? TcpEnd.Buffered : TcpEnd.Full)
  }

  sweep(now: number): void {
    const { readMs, writeMs, idleMs } = this.#shared.limits
    const idle = now - this.#activeAt
    if (this.unsent > 0 && now - this.#movedAt >= writeMs) this.destroy(TcpEnd.WriteTimeout)
    else if (now >= this.#retiresAt && this.#state < State.Ending) this.end(TcpEnd.Shutdown)
    else if (this.busy) return
    else if (this.#state === State.New || this.#bodies > 0) {
      const since = this.#bodies > 0 ? this.#bodyAt : this.#activeAt
      if (now - since >= readMs) this.destroy(TcpEnd.FirstMessageTimeout)
    } else if (idle >= idleMs) this.destroy(TcpEnd.IdleTimeout)
    else if (this.#retiresAt < Infinity && idle >= RETIRED_IDLE_MS) this.end(TcpEnd.Shutdown)
  }
}
