import { readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { parseHostPort } from '../../lib/address.ts'
import { Episode } from '../../lib/episode.ts'
import { reasonOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import type { DnstapConfig } from './config.ts'
import type { DnstapCounters } from './counters.ts'
import { Output } from './output.ts'
import type { Envelope, TapMessage } from './payload.ts'
import type { Destination } from './sink.ts'

/** Collectors at once; more are cut. */
const MAX_READERS = 16
/** Connections at once, those included that have not shaken hands, which they have so many milliseconds for. */
const MAX_CONNECTIONS = 2 * MAX_READERS
const HANDSHAKE_MS = 4_000
/** Where the address cannot be listened on: a predecessor has it until it ends. */
const RETRY_MS = 1_000
const LIMITS = { queue: 1, writeBuffer: 1 }

type ListenerConfig = Pick<DnstapConfig, 'address' | 'skipVerify' | 'tls' | 'transport'>

/**
 * An address that collectors connect to. It lives on over reloads.
 *
 *     listening ◀─▶ waiting a second      until end()
 */
export class Listener implements Destination {
  readonly #config: ListenerConfig
  readonly #counters: DnstapCounters
  readonly #log: Log
  readonly #readers = new Map<Socket, Output>()
  readonly #trouble = new Episode()
  #started = false
  #isOver = false
  /** Whether the last attempt to listen has failed. */
  #isLate = false
  #server: Server | null = null
  #retry: NodeJS.Timeout | null = null

  constructor(config: ListenerConfig, counters: DnstapCounters, log: Log) {
    this.#config = config
    this.#counters = counters
    this.#log = log
  }

  add(m: TapMessage, envelope: Envelope): void {
    for (const reader of this.#readers.values()) reader.add(m, envelope)
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    this.#listen()
  }

  #listen(): void {
    try {
      const server = this.#open()
      if (server === null) return
      this.#server = server
      server.maxConnections = MAX_CONNECTIONS
      server.on('error', (error) => this.#failed(error))
      server.on('listening', () => this.#listens())
      const { address, transport } = this.#config
      if (transport === 'unix') server.listen({ path: address })
      else server.listen(this.#endpoint(address))
      server.unref()
    } catch (error) {
      this.#failed(error)
    }
  }

  #endpoint(address: string): { host?: string; port: number } {
    const endpoint = parseHostPort(address)
    if (typeof endpoint === 'string') throw new Error(endpoint)
    const { host, port } = endpoint
    return host === '' ? { port } : { host, port }
  }

  #open(): Server | null {
    const { skipVerify, tls, transport } = this.#config
    if (transport !== 'tls') return createServer((socket) => this.#accept(socket))
    if (tls === null) {
      this.#log.warning('TLS listener requires cert and key files')
      return null
    }
    const { cert, key, ca } = tls
    const asks = ca === null ? {} : { ca: readFileSync(ca), requestCert: true }
    const pair = { cert: readFileSync(cert), key: readFileSync(key) }
    const { createServer: createTlsServer } = process.getBuiltinModule('node:tls')
    const options = {
      ...pair,
      ...asks,
      rejectUnauthorized: !skipVerify,
      handshakeTimeout: HANDSHAKE_MS,
    }
    const server = createTlsServer(options, (socket) => this.#accept(socket))
    // Node leaves one open whose time is up.
    return server.on('tlsClientError', (_error, socket) => socket.destroy())
  }

  #listens(): void {
    if (this.#isLate) this.#log.info(`Readers of dnstap may connect to ${this.#config.address} now`)
    this.#isLate = false
  }

  /** @param error of an attempt to listen, or of one to accept */
  #failed(error: unknown): void {
    if (this.#isOver) return
    const listens = this.#server?.listening === true
    const what = listens ? 'Cannot accept a reader of dnstap' : 'Failed to start dnstap listener'
    // What fails each second is told of once.
    if (this.#trouble.begins(performance.now())) this.#log.error(`${what}: ${reasonOf(error)}`)
    if (listens) return
    this.#isLate = true
    this.#server = null
    this.#retry = setTimeout(() => this.#listen(), RETRY_MS).unref()
  }

  #accept(socket: Socket): void {
    socket.on('error', () => {})
    if (this.#readers.size >= MAX_READERS) {
      socket.destroy()
      return
    }
    socket.unref()
    const output = new Output(LIMITS, this.#counters)
    this.#readers.set(socket, output)
    output.open(
      socket,
      () => {},
      (reason) => {
        this.#readers.delete(socket)
        if (reason !== null) this.#log.warning(`A reader of dnstap has gone: ${reason}`)
      },
    )
  }

  async end(): Promise<void> {
    this.#isOver = true
    if (this.#retry !== null) clearTimeout(this.#retry)
    const server = this.#server
    if (server === null) return
    this.#server = null
    // Node removes the path of one that listened.
    const closed = new Promise((resolve) => server.close(resolve))
    for (const output of this.#readers.values()) output.end()
    await closed
  }
}
