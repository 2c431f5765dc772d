import { createServer, type Server, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { ByteBudget } from '../lib/byte-budget.ts'
import type { Clock } from '../lib/clock.ts'
import { descriptorOf } from '../lib/descriptor-of.ts'
import { clientOf } from '../lib/client-share.ts'
import { Episode } from '../lib/episode.ts'
import type { Log } from '../lib/log.ts'
import { type Occupant, Places } from '../lib/places.ts'
import type { Secure } from '../lib/secure.ts'
import { Query, type ReplyTarget } from '../serve/query.ts'
import type { Descriptors } from '../sys/descriptors.ts'
import { type NetCounters, TcpEnd } from './counters.ts'
import { Handshake, Handshakes } from './handshake.ts'
import { TcpConnection } from './tcp-connection.ts'
import { DEFAULT_LIMITS, MAX_QUERY } from './tcp-limits.ts'
import type { ClientConnection, Connect, StreamDispatcher, TcpShared } from './tcp-shared.ts'

/** Connections of one listener; for a further one the longest idle gives way. */
export const MAX_CONNECTIONS = 1_000
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

/** Octets of answers that all connections of the process may hold before they read less, or twice that at most. */
const unsent: ByteBudget = new ByteBudget(16 * 2 ** 20)
/** Octets of queries that all connections of the process may hold; beyond, the one that holds most ends. */
const waiting: ByteBudget = new ByteBudget(8 * 2 ** 20)
/** All connections of the process: who makes it hold most may be another listener's. */
const everyone: Places<ClientConnection> = new Places(Infinity)

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
  /** What is spoken. Default: DNS over TCP. */
  readonly connect?: Connect
  /** Default: ''. */
  readonly server?: string
}

/** Opens a listener. Rejects with an error that carries the kernel's code. */
export async function openTcp(options: TcpOptions): Promise<TcpListener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  const listener = new TcpListener(server, options)
  await options.descriptors.listen(server, 'tcp', options.host, options.port, BACKLOG)
  listener.start()
  return listener
}

/** A DNS over TCP listener with its connections. */
export class TcpListener {
  readonly #server: Server
  readonly #descriptors: Descriptors
  readonly #isWildcard: boolean
  readonly #counters: NetCounters
  readonly #clock: Clock
  readonly #connections = new Set<ClientConnection>()
  readonly #connect: Connect
  readonly #places = new Places<Occupant>(MAX_CONNECTIONS)
  readonly #dispatcher: StreamDispatcher
  readonly #handshakes = new Handshakes()
  readonly #shared: TcpShared<ClientConnection>
  readonly #log: Log | null
  readonly #crowded = new Episode()
  readonly #overfilled = new Episode()
  readonly #unreadBy = new Episode()
  #accepted = 0
  #draining = false
  #sweeper: NodeJS.Timeout | null = null
  /** Resolves when nothing is open any more; null while connections are accepted. */
  #gone: Promise<unknown> | null = null
  #emptied: () => void = () => {}

  constructor(server: Server, options: TcpOptions) {
    this.#server = server
    this.#descriptors = options.descriptors
    this.#isWildcard = options.host === ''
    this.#counters = options.counters
    this.#clock = options.clock
    this.#log = options.log ?? null
    this.#dispatcher = options.dispatcher
    this.#connect = options.connect ?? ((stream, shared) => new TcpConnection(stream, shared))
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
      overfull: this.#overfull,
      unread: this.#unread,
      server: options.server ?? '',
      closed: this.#closed,
    }
  }

  get port(): number {
    const bound = this.#server.address()
    return bound !== null && typeof bound === 'object' ? bound.port : 0
  }

  /** Takes connections from now on; the server listens already. */
  start(): void {
    this.#counters.tcpListeners++
    this.#server.on('connection', this.#accept)
    // Out of descriptors: this connection is lost, the listener is not.
    this.#server.on('error', () => void this.#counters.tcpRefused++)
  }

  /** The listening socket, for a successor to have a copy of. */
  get fd(): number {
    return descriptorOf(this.#server)
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
    for (const connection of this.#connections) connection.endWhenIdle(now)
  }

  #stopListening(): Promise<unknown> {
    this.#counters.tcpListeners--
    // Closes this process's descriptor and leaves the socket to any other process that has one.
    this.#gone = new Promise((resolve) => this.#server.close(resolve))
    return this.#gone
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
    if (this.#gone === null && !this.#server.listening) return
    await this.#acceptWaiting()
    const gone = this.#gone ?? this.#stopListening()
    this.#draining = true
    for (const connection of this.#connections) connection.drain()
    const last = setTimeout(
      () => {
        for (const connection of this.#connections) connection.end(TcpEnd.Shutdown)
        this.#handshakes.cut(Infinity)
      },
      Math.min(graceMs, FIRST_QUERY_MS),
    )
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy(TcpEnd.Shutdown)
    }, graceMs)
    await gone
    // The server counts a connection as gone a moment before the connection says so.
    if (this.#connections.size > 0) await new Promise<void>((resolve) => (this.#emptied = resolve))
    clearTimeout(last)
    clearTimeout(timer)
  }

  /**
   * Whose handshake is over is accepted first: the kernel would reset what waits for that. libuv takes
   * one connection a turn, and the turn that goes on now may have had its own already.
   */
  async #acceptWaiting(): Promise<void> {
    let quiet = 0
    for (let turn = 0; turn < BACKLOG && quiet < 2; turn++) {
      const before = this.#accepted
      await nextTurn()
      quiet = this.#accepted === before ? quiet + 1 : 0
    }
  }

  readonly #accept = (socket: Socket): void => {
    this.#counters.tcpAccepted++
    this.#accepted++
    this.#counters.tcpOpen++
    const { secure } = this.#dispatcher
    if (secure) this.#secure(socket, secure)
    else this.#serve(socket)
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
        const connection = this.#serve(stream)
        if (this.#draining) connection.drain()
        else if (this.#gone !== null) connection.endWhenIdle(this.#clock.now)
        return
      }
      this.#counters.tcpOpen--
      this.#counters.tcpEnds[TcpEnd.Handshake]!++
    })
  }

  #serve(socket: Socket): ClientConnection {
    const connection = this.#connect(socket, this.#shared)
    this.#connections.add(connection)
    everyone.add(connection)
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
        `${MAX_CONNECTIONS} TCP connections are open: the longest idle make way for new ones, ` +
          `first one of ${gone.client}`,
      )
    }
  }

  readonly #closed = (connection: ClientConnection, reason: TcpEnd): void => {
    this.#counters.tcpOpen--
    this.#counters.tcpEnds[reason]!++
    this.#connections.delete(connection)
    this.#places.delete(connection)
    everyone.delete(connection)
    if (this.#connections.size === 0) this.#emptied()
  }

  /** Ends connections of who makes us hold most, until what is held is within its limit. */
  readonly #overfull = (): void => {
    while (waiting.wouldExceed(0)) {
      const gone = everyone.freeOctets(({ held }) => held)
      if (gone === null) return
      if (!this.#overfilled.begins(this.#clock.now)) continue
      const limit = `${waiting.limit / 2 ** 20} MiB`
      this.#log?.warning(
        `Unserved TCP queries take up ${limit}: connections that hold most are cut, ` +
          `first one of ${gone.client}`,
      )
    }
  }

  /** The same for who does not read answers, from twice their limit on. */
  readonly #unread = (): void => {
    while (unsent.isFarExceeded) {
      const gone = everyone.freeOctets((one) => one.unsent)
      if (gone === null) return
      if (!this.#unreadBy.begins(this.#clock.now)) continue
      this.#log?.warning(
        `Answers that TCP clients do not read take up ${unsent.limit / 2 ** 19} MiB: connections ` +
          `that hold most are cut, first one of ${gone.client}`,
      )
    }
  }

  readonly #sweep = (): void => {
    const now = this.#clock.refresh()
    for (const one of this.#connections) one.sweep(now)
    this.#handshakes.cut(now - this.#shared.limits.readMs)
    if (this.#connections.size > 0 || this.#handshakes.size > 0) return
    clearInterval(this.#sweeper!)
    this.#sweeper = null
  }
}

/** The target of a query that has none yet: each message sets its connection. */
const noTarget = null as unknown as ReplyTarget
