import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type Answer, SerialConnection } from './serial-connection.ts'

export type { Answer } from './serial-connection.ts'

/** What differs from CoreDNS as it is. Times in milliseconds. */
export interface InOrderOptions {
  /** 127.0.0.1 where absent. */
  readonly address?: string
  /** For UDP and TCP; the kernel chooses where absent. */
  readonly port?: number
  /** How long each query, or this one, is in service, beside what a label of its name says; 0 where absent. */
  readonly serviceMs?: number | ((query: Buffer) => number)
  /** Time given to a connection's first query (CoreDNS: 3 s), and to each further one (10 s). */
  readonly firstMs?: number
  readonly idleMs?: number
  /** Answers after which a connection ends; any number where absent. */
  readonly closeAfter?: number
  /** Connections at a time; further ones are closed at once. Any number where absent. */
  readonly maxConnections?: number
}

/** What a server saw since its start. */
export interface Counts {
  /** TCP connections: accepted in all, open now, and the most that were open at a time. */
  opened: number
  open: number
  peak: number
  /** Queries whose service began. */
  udpQueries: number
  tcpQueries: number
  answered: number
}

/** Ports tried until one is free for UDP as well as TCP. */
const ATTEMPTS = 20
const FIRST_MS = 3_000
const IDLE_MS = 10_000
const HEADER_SIZE = 12
/** In the third and fourth octet of the header (RFC 1035 §4.1.1). */
const QR = 0x80
const OPCODE = 0x78
const NOTIMP = 4
const M = 'm'.charCodeAt(0)
const S = 's'.charCodeAt(0)
const ZERO = '0'.charCodeAt(0)
const MAX_DIGITS = 5

/**
 * A DNS server with the manners of CoreDNS, which stands behind dnslet in every cluster: over TCP one
 * query after the other on each connection, idle connections closed after 10 s; over UDP all at once.
 * What it answers is its caller's business, how long that takes a label of the question's: the name
 * `ms100.example.org` is answered after 100 ms.
 */
export class InOrderServer {
  readonly address: string
  readonly port: number
  readonly counts: Counts = {
    opened: 0,
    open: 0,
    peak: 0,
    udpQueries: 0,
    tcpQueries: 0,
    answered: 0,
  }
  readonly #answer: Answer
  readonly #options: InOrderOptions
  readonly #tcp: Server
  readonly #udp: UdpSocket
  readonly #connections = new Set<SerialConnection>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #stopped = false

  /** Opens both sockets. Rejects where a port is not to be had. */
  static async open(answer: Answer, options: InOrderOptions = {}): Promise<InOrderServer> {
    const address = options.address ?? '127.0.0.1'
    const wanted = options.port ?? 0
    for (let attempt = 1; ; attempt++) {
      const tcp = createServer({ noDelay: true, allowHalfOpen: true })
      await once(tcp.listen(wanted, address), 'listening')
      const { port } = tcp.address() as AddressInfo
      const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4')
      try {
        await once(udp.bind(port, address), 'listening')
        return new InOrderServer(answer, options, tcp, udp)
      } catch (error) {
        tcp.close()
        if (wanted !== 0 || attempt === ATTEMPTS) throw error
      }
    }
  }

  private constructor(answer: Answer, options: InOrderOptions, tcp: Server, udp: UdpSocket) {
    this.#answer = (query, transport) => refusal(query) ?? answer(query, transport)
    this.#options = options
    this.#tcp = tcp
    this.#udp = udp
    const bound = tcp.address() as AddressInfo
    this.address = bound.address
    this.port = bound.port
    tcp.on('connection', (socket) => this.#accepted(socket))
    udp.on('message', (query, client) => this.#datagram(query, client.port, client.address))
    udp.on('error', () => {})
  }

  /** Ends the connections that clients keep open, too. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    const closed = [once(this.#tcp, 'close'), once(this.#udp, 'close')]
    this.#tcp.close()
    this.#udp.close()
    this.closeConnections()
    await Promise.all(closed)
  }

  /** Ends all connections, as a server does that restarts. */
  closeConnections(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  #accepted(socket: Socket): void {
    const { counts } = this
    const { maxConnections = Infinity, closeAfter, firstMs, idleMs } = this.#options
    counts.opened++
    if (counts.open >= maxConnections) {
      socket.on('error', () => {}).destroy()
      return
    }
    counts.open++
    counts.peak = Math.max(counts.peak, counts.open)
    const connection = new SerialConnection(socket, {
      answer: this.#answer,
      serviceMs: (query) => this.#serviceMs(query),
      firstMs: firstMs ?? FIRST_MS,
      idleMs: idleMs ?? IDLE_MS,
      closeAfter: closeAfter ?? null,
      taken: () => void counts.tcpQueries++,
      answered: () => void counts.answered++,
    })
    this.#connections.add(connection)
    socket.on('close', () => {
      counts.open--
      this.#connections.delete(connection)
    })
  }

  #datagram(query: Buffer, port: number, address: string): void {
    this.counts.udpQueries++
    const reply = (message: Buffer | null): void => {
      if (message === null || this.#stopped) return
      this.counts.answered++
      this.#udp.send(message, port, address)
    }
    const ms = this.#serviceMs(query)
    if (ms === 0) return this.#replyWith(this.#answer(query, 'udp'), reply)
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#replyWith(this.#answer(query, 'udp'), reply)
    }, ms)
    this.#timers.add(timer)
  }

  #replyWith(message: ReturnType<Answer>, reply: (message: Buffer | null) => void): void {
    if (message instanceof Promise) void message.then(reply)
    else reply(message)
  }

  #serviceMs(query: Buffer): number {
    const { serviceMs = 0 } = this.#options
    return labelMs(query) + (typeof serviceMs === 'number' ? serviceMs : serviceMs(query))
  }
}

/**
 * NOTIMP, by which CoreDNS answers whatever is no query (STATUS, UPDATE) before a plugin sees it: the
 * header alone. Null for queries, and for what is no message to answer.
 */
function refusal(query: Buffer): Buffer | null {
  if (query.length < HEADER_SIZE || (query[2]! & QR) !== 0) return null
  if ((query[2]! & OPCODE) === 0) return null
  const reply = Buffer.alloc(HEADER_SIZE)
  query.copy(reply, 0, 0, 3)
  reply[2]! |= QR
  reply[3] = NOTIMP
  return reply
}

/** The number in a label `ms<number>` of a query's name, 0 to 99,999; 0 without such a label. */
function labelMs(query: Buffer): number {
  for (let at = HEADER_SIZE; at < query.length; at += 1 + query[at]!) {
    const size = query[at]!
    if (size === 0) break
    const digits = size - 2
    if (digits < 1 || digits > MAX_DIGITS || at + size >= query.length) continue
    if ((query[at + 1]! | 0x20) !== M || (query[at + 2]! | 0x20) !== S) continue
    let ms = 0
    for (let i = at + 3; i <= at + size; i++) {
      const digit = query[i]! - ZERO
      ms = digit >= 0 && digit <= 9 ? 10 * ms + digit : NaN
    }
    if (!Number.isNaN(ms)) return ms
  }
  return 0
}
