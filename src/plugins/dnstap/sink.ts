import { connect, isIP, type Socket } from 'node:net'
import { parseHostPort } from '../../lib/address.ts'
import { Episode } from '../../lib/episode.ts'
import type { Log } from '../../lib/log.ts'
import { TlsIdentity } from '../../upstream/secure.ts'
import type { DnstapConfig } from './config.ts'
import type { DnstapCounters } from './counters.ts'
import { Output } from './output.ts'
import type { Envelope, TapMessage } from './payload.ts'

/** As in CoreDNS. */
const DIAL_MS = 4_000
const RETRY_MS = 1_000

export interface Destination {
  add(m: TapMessage, envelope: Envelope): void
  /** Begins; does nothing where that has happened. */
  start(): void
  /** Ends in good order; resolves within about a second. */
  end(): Promise<void>
}

type SinkConfig = Pick<
  DnstapConfig,
  'address' | 'queue' | 'skipVerify' | 'transport' | 'writeBuffer'
>

/**
 * A collector that we connect to. It lives on over reloads.
 *
 *     dialling ─▶ connected ─▶ waiting a second ─▶ dialling …      until end()
 */
export class Sink implements Destination {
  readonly #config: SinkConfig
  readonly #log: Log
  readonly #output: Output
  /** We trust whom the system does, and are nobody. */
  readonly #identity = new TlsIdentity({ ca: null, cert: null, key: null })
  #started = false
  #ending: Promise<void> | null = null
  readonly #trouble = new Episode()
  /** Whether the log has said that there is no connection, and not that there is one again. */
  #told = false
  #socket: Socket | null = null
  #retry: NodeJS.Timeout | null = null
  #ended: () => void = () => {}

  constructor(config: SinkConfig, counters: DnstapCounters, log: Log) {
    this.#config = config
    this.#log = log
    this.#output = new Output(config, counters)
  }

  add(m: TapMessage, envelope: Envelope): void {
    this.#output.add(m, envelope)
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    this.#dial()
  }

  end(): Promise<void> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  #end(): Promise<void> {
    if (this.#retry !== null) clearTimeout(this.#retry)
    const socket = this.#socket
    if (socket === null) return Promise.resolve()
    return new Promise((resolve) => {
      this.#ended = resolve
      // One that is still being connected has nothing to say.
      if (!this.#output.end()) socket.destroy()
    })
  }

  #dial(): void {
    const socket = this.#connect()
    if (typeof socket === 'string') {
      this.#lost(socket)
      return
    }
    this.#socket = socket
    socket.unref()
    // A dial has its time; what comes then has its own.
    const timer = setTimeout(() => socket.destroy(new Error('timed out')), DIAL_MS).unref()
    const { transport } = this.#config
    const ready = transport === 'tls' ? 'secureConnect' : 'connect'
    let reason = 'closed'
    const failed = (error: Error): void => void (reason = error.message)
    const closed = (): void => {
      clearTimeout(timer)
      this.#lost(reason)
    }
    socket.on('error', failed)
    socket.once('close', closed)
    socket.once(ready, () => {
      clearTimeout(timer)
      socket.off('close', closed)
      const accepted = (): void => {
        if (this.#told) this.#log.info(`Connected to dnstap endpoint ${this.#config.address}`)
        this.#told = false
      }
      this.#output.open(socket, accepted, (why) => this.#lost(why ?? 'the reader has finished'))
    })
  }

  /** The socket, being connected; or why there is none. */
  #connect(): Socket | string {
    const { address, skipVerify, transport } = this.#config
    if (transport === 'unix') return connect({ path: address })
    const endpoint = parseHostPort(address)
    if (typeof endpoint === 'string') return endpoint
    const { host, port } = endpoint
    if (transport === 'tcp') return connect({ host, port })
    // Most Corefiles have no use for it.
    const tls = process.getBuiltinModule('node:tls')
    const name = isIP(host) === 0 ? { servername: host } : {}
    const secureContext = this.#identity.context
    return tls.connect({ host, port, secureContext, rejectUnauthorized: !skipVerify, ...name })
  }

  #lost(reason: string): void {
    this.#socket = null
    if (this.#ending !== null) {
      this.#ended()
      return
    }
    // One that comes and goes all the time is told of once.
    if (!this.#told && this.#trouble.begins(performance.now())) {
      this.#log.error(`No connection to dnstap endpoint: ${reason}`)
      this.#told = true
    }
    this.#retry = setTimeout(() => this.#dial(), RETRY_MS).unref()
  }
}
