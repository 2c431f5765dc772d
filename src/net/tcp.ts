import { createServer, type Socket } from 'node:net'

import type { Clock } from '../lib/clock.ts'
import { clientOf } from '../lib/client-share.ts'
import { Episode } from '../lib/episode.ts'
import type { Log } from '../lib/log.ts'
import { type Occupant, Places } from '../lib/places.ts'
import { Roster } from '../lib/roster.ts'
import type { Secure } from '../lib/secure.ts'
import { turn } from '../lib/turn.ts'
import { Query, type ReplyTarget } from '../serve/query.ts'
import type { Descriptors } from '../sys/descriptors.ts'
import { openFilesLimit } from '../sys/limits.ts'
import { type Acceptance, type Acceptor, NodeAcceptor, RawAcceptor } from './acceptor.ts'
import { type ClientStream, NodeStream } from './client-stream.ts'
import { type NetCounters, TcpEnd } from './counters.ts'
import { Handshake, Handshakes } from './handshake.ts'
import { Crowd, everyone, unsent, waiting } from './tcp-crowd.ts'
import { TcpConnection } from './tcp-connection.ts'
import { DEFAULT_LIMITS, MAX_QUERY, mostConnections, NO_ROOM } from './tcp-limits.ts'
import type { ClientConnection, Connect, StreamDispatcher, TcpShared } from './tcp-shared.ts'

/** Connections the kernel may hold for us to accept. */
const BACKLOG = 1_024
/** Timeouts of connections are seconds: this much later is as good. */
const SWEEP_MS = 250
/** A client sends its query with the end of its handshake: this is many round trips within a cluster. */
const FIRST_QUERY_MS = 200

const MAX_MESSAGE = 65_535
/** One for all connections: a message is served before the next is read, a reply sent at once. */
const message: Buffer = Buffer.allocUnsafeSlow(MAX_QUERY)
const reply: Buffer = Buffer.allocUnsafeSlow(MAX_MESSAGE)

export interface TcpOptions {
  /** An IP address, or '' for every one of this machine. */
  readonly host: string
  readonly port: number
  readonly descriptors: Descriptors
  readonly dispatcher: StreamDispatcher
  readonly clock: Clock
  readonly counters: NetCounters
  /** Default: null, nothing is said. */
  readonly log?: Log | null
  /** That the process may have open. Default: what /proc says. */
  readonly files?: number
  /** What is spoken. Default: DNS over TCP. */
  readonly connect?: Connect
  /** Default: ''. */
  readonly server?: string
}

/** Opens a listener. Rejects with an error that carries the kernel's code. */
export async function openTcp(options: TcpOptions): Promise<TcpListener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  const { descriptors, dispatcher, host } = options
  await descriptors.listen(server, 'tcp', host, options.port, BACKLOG)
  const { libc } = descriptors
  // In the same turn: nobody has been accepted.
  const own = libc !== null && !dispatcher.secure && options.connect === undefined
  const listener = new TcpListener(
    own ? new RawAcceptor(libc, server, host) : new NodeAcceptor(server),
    options,
  )
  listener.start()
  return listener
}

/** A DNS over TCP listener with its connections. */
export class TcpListener implements Acceptance {
  readonly #acceptor: Acceptor
  readonly #descriptors: Descriptors
  readonly #isWildcard: boolean
  readonly #counters: NetCounters
  readonly #clock: Clock
  readonly #connections = new Roster<ClientConnection>()
  readonly #connect: Connect | null
  readonly #most: number
  readonly #places: Places<Occupant>
  readonly #dispatcher: StreamDispatcher
  readonly #handshakes = new Handshakes()
  readonly #shared: TcpShared<ClientConnection>
  readonly #log: Log | null
  readonly #crowded = new Episode()
  readonly #refusals = new Episode()
  #draining = false
  #sweeper: NodeJS.Timeout | null = null
  /** Resolves when nothing is open any more; null while connections are accepted. */
  #gone: Promise<void> | null = null
  #emptied: () => void = () => {}

  constructor(acceptor: Acceptor, options: TcpOptions) {
    this.#acceptor = acceptor
    const kind = acceptor instanceof RawAcceptor ? 'own' : 'stream'
    this.#most = mostConnections(kind, options.files ?? openFilesLimit())
    this.#places = new Places(this.#most)
    this.#descriptors = options.descriptors
    this.#isWildcard = options.host === ''
    this.#counters = options.counters
    this.#clock = options.clock
    this.#log = options.log ?? null
    this.#dispatcher = options.dispatcher
    this.#connect = options.connect ?? null
    const crowd = new Crowd(options.clock, this.#log)
    this.#shared = {
      dispatcher: options.dispatcher,
      get limits() {
        return this.dispatcher.limits ?? DEFAULT_LIMITS
      },
      clock: options.clock,
      query: new Query(noTarget),
      message,
      reply,
      unsent,
      waiting,
      overfull: crowd.overfull,
      unread: crowd.unread,
      server: options.server ?? '',
      touched: (connection) => this.#places.touch(connection),
      closed: this.#closed,
    }
  }

  get port(): number {
    return this.#acceptor.port
  }

  /** Takes connections from now on; the server listens already. Throws as `Acceptor.start()` does. */
  start(): void {
    this.#acceptor.start(this)
    this.#counters.tcpListeners++
    everyone.add(this.#connections)
  }

  /** The listening socket, for a successor to have a copy of. */
  get fd(): number {
    return this.#acceptor.fd
  }

  /** See `Listeners.sharePort`. */
  sharePort(shared: boolean): void {
    // With a wildcard open the kernel would not be told, and who is there would get all of it.
    if (!this.#isWildcard) this.#descriptors.share(this.fd, shared, this.port)
  }

  /** Accepts no more: new connections are the successor's. Those that are open end when idle. */
  stopReading(): void {
    if (this.#gone !== null) return
    void this.#stopListening()
    const now = this.#clock.refresh()
    this.#connections.each((one) => one.endWhenIdle(now))
  }

  #stopListening(): Promise<void> {
    this.#counters.tcpListeners--
    this.#acceptor.close()
    this.#gone = new Promise((resolve) => (this.#emptied = resolve))
    this.#tellIfEmpty()
    return this.#gone
  }

  #tellIfEmpty(): void {
    if (this.#gone === null || this.#connections.size > 0 || this.#handshakes.size > 0) return
    everyone.delete(this.#connections)
    this.#emptied()
    turn.endLater()
  }

  /** Resolves when the connections that were let go have ended, by themselves within ten seconds. */
  async drained(): Promise<void> {
    await this.#gone
  }

  /**
   * Takes no more connections and no more queries, but the first of who has only just connected and
   * asks at once. Connections end when their queries have answers; what is left after `graceMs`
   * milliseconds is cut.
   */
  async drain(graceMs: number): Promise<void> {
    if (this.#gone === null && !this.#acceptor.isOpen) return
    await this.#acceptor.acceptWaiting(BACKLOG)
    const gone = this.#gone ?? this.#stopListening()
    this.#draining = true
    this.#connections.each((one) => one.drain())
    const last = setTimeout(
      () => {
        this.#connections.each((one) => one.end(TcpEnd.Shutdown))
        this.#handshakes.cut(Infinity)
      },
      Math.min(graceMs, FIRST_QUERY_MS),
    )
    const timer = setTimeout(() => {
      this.#connections.each((one) => one.destroy(TcpEnd.Shutdown))
    }, graceMs)
    await gone
    clearTimeout(last)
    clearTimeout(timer)
  }

  get wantsSockets(): boolean {
    return this.#connect !== null || Boolean(this.#dispatcher.secure)
  }

  refused(): void {
    this.#counters.tcpRefused++
    if (this.#refusals.begins(this.#clock.refresh())) this.#log?.warning(NO_ROOM)
  }

  accepted(stream: ClientStream): void {
    this.#count()
    const { owner } = stream
    const again = owner instanceof TcpConnection
    const connection = again ? owner : new TcpConnection(stream, this.#shared)
    if (again) owner.begin()
    this.#serve(connection)
  }

  acceptedSocket(socket: Socket): void {
    this.#count()
    const { secure } = this.#dispatcher
    if (secure) this.#secure(socket, secure)
    else this.#serve(this.#connectTo(socket))
  }

  #count(): void {
    this.#counters.tcpAccepted++
    this.#counters.tcpOpen++
  }

  /** The handshake has a place as the connection will have: who only begins many keeps nobody out. */
  #secure(socket: Socket, secure: Secure): void {
    const client = clientOf(socket.remoteAddress ?? '')
    const handshake = new Handshake(socket, client, this.#clock.refresh())
    this.#takePlace(handshake)
    this.#sweepOn()
    this.#handshakes.begin(handshake, secure, (stream) => {
      this.#places.delete(handshake)
      if (stream !== null) {
        const connection = this.#serve(this.#connectTo(stream))
        if (this.#draining) connection.drain()
        else if (this.#gone !== null) connection.endWhenIdle(this.#clock.now)
        return
      }
      this.#counters.tcpOpen--
      this.#counters.tcpEnds[TcpEnd.Handshake]!++
      this.#tellIfEmpty()
    })
  }

  #connectTo(socket: Socket): ClientConnection {
    if (this.#connect !== null) return this.#connect(socket, this.#shared)
    return new TcpConnection(new NodeStream(socket), this.#shared)
  }

  #serve(connection: ClientConnection): ClientConnection {
    this.#connections.add(connection)
    this.#takePlace(connection)
    this.#sweepOn()
    return connection
  }

  #sweepOn(): void {
    this.#sweeper ??= setInterval(this.#sweep, SWEEP_MS).unref()
  }

  #takePlace(newcomer: Occupant): void {
    const gone = this.#places.add(newcomer)
    if (gone !== null && this.#crowded.begins(this.#clock.now)) {
      this.#log?.warning(
        `${this.#most} TCP connections are open: the longest idle make way for new ones, ` +
          `first one of ${gone.client}`,
      )
    }
  }

  readonly #closed = (connection: ClientConnection, reason: TcpEnd): void => {
    this.#counters.tcpOpen--
    this.#counters.tcpEnds[reason]!++
    this.#connections.delete(connection)
    this.#places.delete(connection)
    if (connection instanceof TcpConnection && connection.isDone) {
      this.#acceptor.give(connection.stream)
    }
    this.#tellIfEmpty()
  }

  readonly #sweep = (): void => {
    const now = this.#clock.refresh()
    this.#connections.each((one) => one.sweep(now))
    this.#handshakes.cut(now - this.#shared.limits.readMs)
    if (this.#connections.size > 0 || this.#handshakes.size > 0) return
    clearInterval(this.#sweeper!)
    this.#sweeper = null
  }
}

/** The target of a query that has none yet: each message sets its connection. */
const noTarget = null as unknown as ReplyTarget
