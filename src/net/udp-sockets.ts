import { isWildcard, joinHostPort } from '../lib/address.ts'
import type { HeldSocket } from '../lib/held-socket.ts'
import { type Interfaces, listInterfaces } from '../lib/interfaces.ts'
import type { Log } from '../lib/log.ts'
import { listenError } from './listen-error.ts'
import { localAddresses } from './local-addresses.ts'
import type { UdpBackend, UdpOptions, UdpSocket } from './udp.ts'

/** How long queries that a socket has taken may still be answered when another listener gets its address. */
const GRACE_MS = 5_000

export interface UdpSocketsOptions extends Omit<UdpOptions, 'address'> {
  /** An IP address or a wildcard. */
  readonly host: string
  readonly backend: UdpBackend
  readonly interfaces: () => Interfaces
  /** Addresses that this machine gets later: with a socket from the start, where it may be bound. */
  readonly coming: readonly string[]
  /** Whether an address has a listener of its own, so that a wildcard leaves it out. */
  readonly isBound: (address: string) => boolean
  /** Milliseconds between looks at the interfaces. */
  readonly rescanMs: number
  /** Opens a socket where other wildcards may have opened the same address a moment before. */
  readonly besideOthers: (open: () => Promise<void>) => Promise<void>
  readonly log: Log
}

/**
 * The UDP sockets of one listener: one for an address. A wildcard gets one for each address of this
 * machine, because a reply has to come from the address the query went to; addresses that appear
 * unannounced get theirs within seconds.
 */
export class UdpSockets {
  readonly #options: UdpSocketsOptions
  readonly #open = new Map<string, UdpSocket>()
  /** Addresses that could not be opened at the last look: logged once. */
  readonly #failed = new Set<string>()
  /** Sockets that are being closed on their own. */
  readonly #leaving = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | null = null
  #scanning: Promise<void> | null = null
  #closed = false
  #shared = true

  constructor(options: UdpSocketsOptions) {
    this.#options = options
  }

  /** Opens all or none. Rejects with ListenError. */
  async start(): Promise<void> {
    const { host, interfaces, rescanMs } = this.#options
    const wildcard = isWildcard(host)
    try {
      for (const address of wildcard ? this.#wanted(interfaces()) : [host]) {
        await this.#add(address, wildcard)
      }
    } catch (cause) {
      await this.drain(0)
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

  /** See `Listeners.sharePort`; for sockets that are opened later too. */
  sharePort(shared: boolean): void {
    this.#shared = shared
    for (const { fd } of this.#open.values()) this.#options.descriptors.share(fd, shared)
  }

  /** Reads no more; see `UdpSocket.stopReading`. */
  stopReading(): void {
    this.#closed = true
    for (const socket of this.#open.values()) socket.stopReading()
  }

  async drain(graceMs: number): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#scanning
    const closing = [...this.#open.values()].map((socket) => socket.drain(graceMs))
    await Promise.all([...closing, ...this.#leaving])
    this.#open.clear()
  }

  /** @param fleeting whether the address may be gone, or not usable yet (IPv6 duplicate detection) */
  async #add(address: string, fleeting: boolean): Promise<void> {
    const { backend, descriptors, port } = this.#options
    try {
      const socket = await backend.open({ ...this.#options, address })
      this.#open.set(address, socket)
      if (!this.#shared) descriptors.share(socket.fd, false)
    } catch (cause) {
      const error = listenError('udp', address, port, cause)
      if (!fleeting || error.code !== 'EADDRNOTAVAIL') throw error
    }
  }

  /** Looks at once whether a wildcard's addresses are still the ones it serves. Never rejects. */
  async rescan(): Promise<void> {
    if (!isWildcard(this.#options.host)) return
    // One that is under way may have looked too early.
    await this.#scanning
    await this.#look()
  }

  readonly #rescan = (): void => void this.#look()

  /** One look at a time. */
  #look(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#scanning ??= this.#scan().finally(() => {
      this.#scanning = null
    })
    return this.#scanning
  }

  #wanted(interfaces: Interfaces): readonly string[] {
    const { coming, isBound } = this.#options
    const all = new Set([...localAddresses(interfaces), ...coming])
    return [...all].filter((address) => !isBound(address))
  }

  async #scan(): Promise<void> {
    const { interfaces, isBound } = this.#options
    const found = listInterfaces(interfaces)
    // Nothing is known to have changed.
    if (found === null) return
    const present = new Set(this.#wanted(found))
    for (const [address, socket] of this.#open) {
      if (present.has(address)) continue
      this.#open.delete(address)
      if (isBound(address)) this.#leave(socket)
      else {
        this.#log('no longer listening on', address)
        await socket.drain(0)
      }
    }
    for (const address of this.#failed) if (!present.has(address)) this.#failed.delete(address)
    for (const address of present) if (!this.#open.has(address)) await this.#retry(address)
  }

  /** Lets a socket answer what it has taken: its address has another one by now. */
  #leave(socket: UdpSocket): void {
    this.#options.descriptors.share(socket.fd, true)
    const left = socket.drain(GRACE_MS).finally(() => this.#leaving.delete(left))
    this.#leaving.add(left)
  }

  async #retry(address: string): Promise<void> {
    try {
      await this.#options.besideOthers(() => this.#add(address, true))
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
    this.#options.log.info(`${what} ${joinHostPort(address, this.#options.port)} (udp)`)
  }
}
