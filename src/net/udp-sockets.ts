import type { HeldSocket, Inheritance } from '../lib/held-socket.ts'
import type { Log } from '../lib/log.ts'
import { formatAddress, listenError } from './listen-error.ts'
import { type Interfaces, isWildcard, localAddresses } from './local-addresses.ts'
import type { UdpBackend, UdpOptions, UdpSocket } from './udp.ts'

export interface UdpSocketsOptions extends Omit<UdpOptions, 'address' | 'fd'> {
  /** An IP address or a wildcard. */
  readonly host: string
  readonly backend: UdpBackend
  readonly interfaces: () => Interfaces
  /** Milliseconds between looks at the interfaces. */
  readonly rescanMs: number
  readonly inherited: Inheritance
  readonly log: Log
}

/**
 * The UDP sockets of one listener: one for an address. A wildcard gets one for each address of this
 * machine, because a reply has to come from the address the query went to; addresses that appear
 * later get theirs within seconds.
 */
export class UdpSockets {
  readonly #options: UdpSocketsOptions
  readonly #open = new Map<string, UdpSocket>()
  /** Addresses that could not be opened at the last look: logged once. */
  readonly #failed = new Set<string>()
  #timer: NodeJS.Timeout | null = null
  #scanning: Promise<void> | null = null
  #closed = false

  constructor(options: UdpSocketsOptions) {
    this.#options = options
  }

  /** Opens all or none. Rejects with ListenError. */
  async start(): Promise<void> {
    const { host, interfaces, rescanMs } = this.#options
    const wildcard = isWildcard(host)
    try {
      for (const address of wildcard ? localAddresses(host, interfaces()) : [host]) {
        await this.#add(address, wildcard)
      }
    } catch (cause) {
      await this.close(0)
      throw cause
    }
    if (wildcard) this.#timer = setInterval(this.#rescan, rescanMs).unref()
  }

  /** Those open now. */
  get all(): readonly UdpSocket[] {
    return [...this.#open.values()]
  }

  /** The sockets a successor can have copies of. */
  held(): HeldSocket[] {
    return [...this.#open].flatMap(([host, { fd, port }]) =>
      fd < 0 ? [] : [{ kind: 'udp', host, port, fd }],
    )
  }

  /** See `UdpSocket.begin`. */
  begin(): void {
    for (const socket of this.#open.values()) socket.begin()
  }

  /** Reads no more; see `UdpSocket.letGo`. */
  letGo(): void {
    this.#closed = true
    for (const socket of this.#open.values()) socket.letGo()
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#scanning
    await Promise.all([...this.#open.values()].map((socket) => socket.close(graceMs)))
    this.#open.clear()
  }

  /** @param fleeting whether the address may be gone, or not usable yet (IPv6 duplicate detection) */
  async #add(address: string, fleeting: boolean): Promise<void> {
    const { backend, inherited, port } = this.#options
    const fd = inherited.take('udp', address, port)
    try {
      this.#open.set(address, await backend.open({ ...this.#options, address, fd }))
    } catch (cause) {
      const error = listenError('udp', address, port, cause)
      if (!fleeting || error.code !== 'EADDRNOTAVAIL') throw error
    }
  }

  readonly #rescan = (): void => {
    if (this.#scanning !== null || this.#closed) return
    this.#scanning = this.#scan().finally(() => {
      this.#scanning = null
    })
  }

  async #scan(): Promise<void> {
    const { host, interfaces } = this.#options
    const present = new Set(localAddresses(host, interfaces()))
    for (const [address, socket] of this.#open) {
      if (present.has(address)) continue
      this.#open.delete(address)
      this.#log('no longer listening on', address)
      await socket.close(0)
    }
    for (const address of this.#failed) if (!present.has(address)) this.#failed.delete(address)
    for (const address of present) if (!this.#open.has(address)) await this.#retry(address)
  }

  async #retry(address: string): Promise<void> {
    try {
      await this.#add(address, true)
      if (!this.#open.has(address)) return
      this.#failed.delete(address)
      this.#log('listening on new address', address)
    } catch (cause) {
      if (this.#failed.has(address)) return
      this.#failed.add(address)
      this.#options.log.warning((cause as Error).message)
    }
  }

  #log(what: string, address: string): void {
    this.#options.log.info(`${what} ${formatAddress(address, this.#options.port)} (udp)`)
  }
}
