import type { HeldSocket } from '../lib/held-socket.ts'
import type { Secure } from '../lib/secure.ts'
import type { StreamLimits } from '../lib/stream-limits.ts'
import type { Query } from '../serve/query.ts'
import { libc } from '../sys/libc.ts'
import { acceptQueue } from '../sys/socket.ts'
import type { TcpListener } from './tcp.ts'
import type { UdpSockets } from './udp-sockets.ts'
import type { UdpSocket } from './udp.ts'

/** Where DNS is served: UDP and TCP on one address and port, or TCP alone. */
export interface Listener {
  /** As asked for; '' for every address of this machine. */
  readonly host: string
  /** Whether it has no UDP. */
  readonly streamOnly: boolean
  /** The actual port, also where 0 was asked for. */
  readonly port: number
  /** Who takes the queries. May be replaced at any time; the next query goes to the new one. */
  dispatch: (q: Query) => void
  /** What encrypts connections that come from now on; null: nothing does. */
  secure: Secure | null
  /** What its connections are allowed from now on. */
  limits: StreamLimits
  /** Its sockets, for a successor to have copies of. */
  held(): readonly HeldSocket[]
  /** TCP connections that wait to be accepted; null where nobody listens, or that cannot be told. */
  unaccepted(): number | null
  /** Reads datagrams from now on, where inherited sockets waited. */
  begin(): void
  /** Reads and accepts no more: what comes is the successor's. Answers still go out until `close()`. */
  stopReading(): void
  /** Resolves when no connection is left after `stopReading()`: at the latest in about ten seconds. */
  drained(): Promise<void>
  /**
   * Stops listening: queries taken have `graceMs` milliseconds to be answered. Resolves when all
   * sockets are closed.
   */
  drain(graceMs: number): Promise<void>
}

/** What takes what a listener receives. */
export interface Behind {
  dispatch: (q: Query) => void
  secure: Secure | null
  limits: StreamLimits
}

/** A listener and its sockets. */
export class OpenListener implements Listener {
  readonly host: string
  readonly port: number
  readonly #tcpHost: string
  readonly #tcp: TcpListener
  readonly #udp: UdpSockets | null
  readonly #dispatcher: Behind
  readonly #closing: () => Promise<void>
  /** A successor has the same sockets, or they are about to close. */
  #leaves = false

  constructor(
    host: string,
    tcpHost: string,
    tcp: TcpListener,
    udp: UdpSockets | null,
    dispatcher: Behind,
    closing: () => Promise<void>,
  ) {
    this.host = host
    this.port = tcp.port
    this.#tcpHost = tcpHost
    this.#tcp = tcp
    this.#udp = udp
    this.#dispatcher = dispatcher
    this.#closing = closing
  }

  get streamOnly(): boolean {
    return this.#udp === null
  }

  get dispatch(): (q: Query) => void {
    return this.#dispatcher.dispatch
  }

  set dispatch(dispatch: (q: Query) => void) {
    this.#dispatcher.dispatch = dispatch
  }

  get secure(): Secure | null {
    return this.#dispatcher.secure
  }

  set secure(secure: Secure | null) {
    this.#dispatcher.secure = secure
  }

  get limits(): StreamLimits {
    return this.#dispatcher.limits
  }

  set limits(limits: StreamLimits) {
    this.#dispatcher.limits = limits
  }

  get udpSockets(): readonly UdpSocket[] {
    return this.#udp?.all ?? []
  }

  held(): readonly HeldSocket[] {
    const { fd } = this.#tcp
    const held = this.#udp?.held() ?? []
    if (fd >= 0) held.push({ kind: 'tcp', host: this.#tcpHost, port: this.port, fd })
    return held
  }

  unaccepted(): number | null {
    const { libc: system } = libc()
    return system === null ? null : acceptQueue(system, this.#tcp.fd)
  }

  begin(): void {
    this.#udp?.begin()
  }

  sharePort(shared: boolean): void {
    if (this.#leaves) return
    this.#udp?.sharePort(shared)
    this.#tcp.sharePort(shared)
  }

  stopReading(): void {
    this.#leaves = true
    this.#tcp.stopReading()
    this.#udp?.stopReading()
  }

  drained(): Promise<void> {
    return this.#tcp.drained()
  }

  rescan(): Promise<void> {
    return this.#udp?.rescan() ?? Promise.resolve()
  }

  async drain(graceMs: number): Promise<void> {
    // Somebody else may have the address from now on.
    this.sharePort(true)
    this.#leaves = true
    await this.#closing()
    await Promise.all([this.#tcp.drain(graceMs), this.#udp?.drain(graceMs)])
  }
}
