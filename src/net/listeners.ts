import { networkInterfaces } from 'node:os'
import { isWildcard, joinHostPort } from '../lib/address.ts'
import type { Clock } from '../lib/clock.ts'
import type { Interfaces } from '../lib/interfaces.ts'
import type { Log } from '../lib/log.ts'
import type { Secure } from '../lib/secure.ts'
import type { Query } from '../serve/query.ts'
import { Descriptors } from '../sys/descriptors.ts'
import { BoundAddresses } from './bound-addresses.ts'
import type { NetCounters } from './counters.ts'
import { listenError } from './listen-error.ts'
import { type Behind, type Listener, OpenListener } from './open-listener.ts'
import { isPortShared } from './shared-port.ts'
import { DEFAULT_LIMITS } from './tcp-limits.ts'
import { openTcp, type TcpOptions } from './tcp.ts'
import { UdpSockets } from './udp-sockets.ts'
import type { UdpBackend, UdpSocket } from './udp.ts'

export interface ListenersOptions {
  readonly udp: UdpBackend
  readonly clock: Clock
  readonly counters: NetCounters
  readonly log: Log
  /** Where sockets come from. Default: from nobody, in any order, on addresses that are there. */
  readonly descriptors?: Descriptors
  /** Default: os.networkInterfaces. */
  readonly interfaces?: () => Interfaces
  /** Addresses that this machine gets later, which wildcards serve from the first moment on. Default: none. */
  readonly coming?: readonly string[]
  /** Default: 5,000 ms. */
  readonly rescanMs?: number
}

const RESCAN_MS = 5_000
/** Attempts to find a port free for both protocols, where the kernel chooses. */
const PORT_ATTEMPTS = 20

/** Opens listening addresses. All sockets are bound with SO_REUSEPORT; see `sharePort()`. */
export class Listeners {
  readonly #options: Required<ListenersOptions>
  /** Listeners not told to close yet. */
  readonly #own = new Set<OpenListener>()
  readonly #bound = new BoundAddresses()
  #shared = true
  /** How many are being opened. */
  #opening = 0

  constructor(options: ListenersOptions) {
    this.#options = {
      descriptors: new Descriptors(),
      interfaces: networkInterfaces,
      coming: [],
      rescanMs: RESCAN_MS,
      ...options,
    }
  }

  /**
   * Opens UDP and TCP on `host`, an IP address or '' for all of them; port 0 lets the kernel choose
   * one for both. Opens everything or nothing: rejects with ListenError. Queries that arrive before
   * `dispatch` is given are dropped.
   */
  async open(host: string, port: number, dispatch: (q: Query) => void = ignore): Promise<Listener> {
    if (port === 0) return this.#openSome(host, port, dispatch)
    // A socket of ours may have the address already.
    return await this.#whileShared(() => this.#openSome(host, port, dispatch))
  }

  async #whileShared<T>(open: () => Promise<T>): Promise<T> {
    this.#opening++
    this.#share(true)
    try {
      return await open()
    } finally {
      this.#opening--
      this.#share(this.#shared)
    }
  }

  /**
   * The same for TCP alone, encrypted where `secure` is not null: DNS over TLS (RFC 7858) or over HTTPS
   * (RFC 8484).
   */
  async openStream(
    kind: 'tls' | 'https',
    host: string,
    port: number,
    dispatch: (q: Query) => void = ignore,
    secure: Secure | null = null,
  ): Promise<Listener> {
    return await this.#whileShared(async () => {
      const listener = await this.#open(host, port, dispatch, { kind, secure })
      this.#own.add(listener)
      return listener
    })
  }

  /**
   * Whether other processes of this user may open these addresses as well: at first they may. A wildcard's
   * TCP socket stays open to them, and so does everything where the C library cannot be called.
   */
  sharePort(shared: boolean): void {
    this.#shared = shared
    this.#share(shared)
  }

  #share(shared: boolean): void {
    for (const own of this.#own) own.sharePort(shared || this.#opening > 0)
  }

  async #openSome(host: string, port: number, dispatch: (q: Query) => void): Promise<Listener> {
    const bound = port !== 0 && !isWildcard(host)
    if (bound) this.#bound.add(host, port)
    for (let attempt = 1; ; attempt++) {
      try {
        const listener = await this.#open(host, port, dispatch)
        this.#own.add(listener)
        // Only now: a moment with two sockets of ours loses no query, one without any would.
        if (bound) await this.#rescan(port)
        return listener
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (port === 0 && code === 'EADDRINUSE' && attempt < PORT_ATTEMPTS) continue
        if (bound) await this.#free(host, port)
        throw error
      }
    }
  }

  /** The UDP sockets of all listeners that have not been told to close. */
  udpSockets(): readonly UdpSocket[] {
    const all: UdpSocket[] = []
    // Each second, in an idle process too.
    for (const { udpSockets } of this.#own) for (const socket of udpSockets) all.push(socket)
    return all
  }

  /** @param stream for TCP alone */
  async #open(
    host: string,
    port: number,
    dispatch: (q: Query) => void,
    stream: Stream | null = null,
  ): Promise<OpenListener> {
    const { udp: backend, ...options } = this.#options
    const { descriptors } = options
    const secure = stream?.secure ?? null
    const dispatcher: Behind = { dispatch, secure, limits: DEFAULT_LIMITS }
    const tcpHost = isWildcard(host) ? '' : host
    // Ours would be seen as well, later.
    const isShared = !descriptors.inherits('tcp', tcpHost, port) && this.#isShared(host, port)
    const spoken = stream?.kind === 'https' ? await overHttps(host, port) : {}
    const at = { ...options, host: tcpHost, port, dispatcher, ...spoken }
    const tcp = await openTcp(at).catch((cause: unknown) => {
      throw listenError('tcp', host, port, cause)
    })
    const isBound = (address: string): boolean => this.#bound.has(address, tcp.port)
    const besideOthers = (add: () => Promise<void>): Promise<void> =>
      this.#hasManyWildcards(tcp.port) ? this.#whileShared(add) : add()
    const udpAt = { ...options, host, port: tcp.port, dispatcher, backend, isBound, besideOthers }
    const udp = stream === null ? new UdpSockets(udpAt) : null
    try {
      await udp?.start()
    } catch (cause) {
      await tcp.drain(0)
      throw cause
    }
    if (isShared) this.#options.log.warning(sharedWith(host, port))
    const listener: OpenListener = new OpenListener(
      host,
      tcpHost,
      tcp,
      udp,
      dispatcher,
      async () => {
        this.#own.delete(listener)
        if (udp !== null) await this.#free(host, port)
      },
    )
    return listener
  }

  /** `bind :: 0.0.0.0` makes two, of which each has a socket for each address, as in CoreDNS. */
  #hasManyWildcards(port: number): boolean {
    const own = [...this.#own].filter((listener) => listener.port === port)
    return own.filter(({ host }) => isWildcard(host)).length > 1
  }

  /** An address is the wildcards' again. */
  async #free(host: string, port: number): Promise<void> {
    if (port === 0 || isWildcard(host)) return
    this.#bound.remove(host, port)
    // A wildcard that is closed in the same turn needs it no more.
    await Promise.resolve()
    await this.#rescan(port)
  }

  async #rescan(port: number): Promise<void> {
    const sharing = [...this.#own].filter((own) => own.port === port)
    await Promise.all(sharing.map((own) => own.rescan()))
  }

  /** Whether another process has the address open. */
  #isShared(host: string, port: number): boolean {
    const isSame = (other: string): boolean =>
      other === host || (isWildcard(other) && isWildcard(host))
    for (const own of this.#own) if (own.port === port && isSame(own.host)) return false
    return port !== 0 && isPortShared(host, port)
  }
}

function sharedWith(host: string, port: number): string {
  return (
    `${joinHostPort(host, port)} is open in another process too, which gets part of the queries: ` +
    `"ss -lnp sport = :${port}" names it`
  )
}

interface Stream {
  readonly kind: 'tls' | 'https'
  readonly secure: Secure | null
}

/** HTTP is loaded where it is spoken. */
async function overHttps(
  host: string,
  port: number,
): Promise<Pick<TcpOptions, 'connect' | 'server'>> {
  const { connectHttps } = await import('./https-connection.ts')
  return { connect: connectHttps, server: `https://${joinHostPort(host, port)}` }
}

function ignore(q: Query): void {
  q.target.drop(q)
}
