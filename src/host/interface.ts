import { canonicalAddress } from '../lib/address.ts'
import { DnsletError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { Descriptors } from '../sys/descriptors.ts'
import type { Libc } from '../sys/libc.ts'
import { Rtnetlink } from '../sys/rtnetlink.ts'
import { SyscallError } from '../sys/socket.ts'
import { InterfaceAddresses, type Lease } from './interface-addresses.ts'
import { type LinkDevice, openDevice } from './link-device.ts'

/** The link with our addresses: as long as it is there, the node's DNS queries come to us. */
export interface NodeInterface {
  /** `lo`: no link of our own was to be had, and the addresses are on the loopback interface. */
  readonly kind: 'tun' | 'dummy' | 'lo'
  /** The TUN's descriptor, for a successor; null for a dummy. `ensure()` may change it. */
  readonly fd: number | null
  /** Puts back what is missing and says what that was. Throws DnsletError, E_INTERFACE. */
  ensure(): string[]
  /**
   * Call it every second. False where somebody has deleted the link: see `ensure()`. Lease `address`:
   * gives the addresses another three seconds. Throws DnsletError, E_INTERFACE, where that fails.
   */
  renew(): boolean
  /**
   * Takes the addresses away, then our hold on the link, which ends with its last holder. Where
   * another process has attached itself to the TUN the addresses are left to it. Never throws.
   */
  remove(): void
  /** Lets go of the link and removes nothing: a successor has our descriptor, or the dummy. */
  leave(): void
}

export interface InterfaceParts {
  readonly libc: Libc
  /** At most 15 octets. */
  readonly name: string
  /** IPv4 and IPv6 addresses without prefix or scope. */
  readonly addresses: readonly string[]
  readonly lease: Lease
  readonly descriptors: Descriptors
  readonly log: Log
}

type DeviceParts = InterfaceParts & { readonly rtnetlink: Rtnetlink }

/**
 * Creates the link with its addresses. From the first address on queries arrive: sockets and rules
 * have to be there before. Addresses of the link that are not ours are removed; of a predecessor's TUN none
 * that stays is missing for a moment. Throws DnsletError, E_INTERFACE, and leaves nothing behind.
 */
export function openInterface(parts: InterfaceParts): NodeInterface {
  const rtnetlink = new Rtnetlink(parts.libc)
  const addresses = parts.addresses.map(canonicalAddress)
  const all = { ...parts, addresses, rtnetlink }
  try {
    return new LinkWithAddresses(all, openDevice(all))
  } catch (cause) {
    rtnetlink.close()
    throw cause
  }
}

class LinkWithAddresses implements NodeInterface {
  readonly #parts: DeviceParts
  readonly #addresses: InterfaceAddresses
  #device: LinkDevice
  #isClosed = false

  constructor(parts: DeviceParts, device: LinkDevice) {
    this.#parts = parts
    this.#addresses = new InterfaceAddresses(parts)
    this.#device = device
    try {
      this.#ask(() => {
        if (device.kind !== 'lo') this.#addresses.removeOthers(device.index)
        this.#fill()
      })
    } catch (cause) {
      this.#end()
      throw cause
    }
  }

  get kind(): NodeInterface['kind'] {
    return this.#device.kind
  }

  get fd(): number | null {
    return this.#device.fd
  }

  ensure(): string[] {
    return this.#ask(() => {
      if (this.#device.kind === 'lo') return this.#fill()
      const link = this.#parts.rtnetlink.link(this.#parts.name)
      if (link?.index === this.#device.index) return this.#fill()
      this.#closeFd()
      this.#device = openDevice(this.#parts)
      return [`link ${this.#parts.name}`, ...this.#fill()]
    })
  }

  renew(): boolean {
    return this.#ask(() => {
      const { kind, index } = this.#device
      const { libc, name } = this.#parts
      // Each second: netlink would tell all there is to know of the link.
      const isThere = kind === 'lo' || libc.if_nametoindex(name) === index
      if (isThere) this.#addresses.renew(index)
      return isThere
    })
  }

  remove(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    try {
      this.#ask(() => {
        const isShared = (this.#parts.rtnetlink.link(this.#parts.name)?.queues ?? 0) > 1
        if (!isShared) this.#addresses.remove(this.#device.index)
      })
    } catch (cause) {
      this.#parts.log.warning((cause as Error).message)
    }
    this.#end()
    this.#parts.rtnetlink.close()
  }

  leave(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#closeFd()
    this.#parts.rtnetlink.close()
  }

  /** Up, without an address of the kernel's own, with ours. */
  #fill(): string[] {
    const { rtnetlink, name } = this.#parts
    const { index, kind } = this.#device
    const isUp = kind === 'lo' || rtnetlink.link(name)?.up === true
    if (isUp) return this.#addresses.ensure(index)
    try {
      rtnetlink.disableLinkLocal(index)
    } catch {
      // A kernel without IPv6 makes no such address either.
    }
    rtnetlink.setUp(index)
    return [`state of ${name}: up`, ...this.#addresses.ensure(index)]
  }

  #end(): void {
    if (this.#device.kind === 'lo') return
    if (this.#device.kind === 'tun') return this.#closeFd()
    try {
      this.#parts.rtnetlink.deleteLink(this.#device.index)
    } catch {
      // It is gone already.
    }
  }

  #closeFd(): void {
    const { fd } = this.#device
    // Never twice: the number may be somebody else's by then.
    this.#device = { ...this.#device, fd: null }
    if (fd !== null) this.#parts.descriptors.close(fd)
  }

  #ask<T>(what: () => T): T {
    try {
      return what()
    } catch (cause) {
      if (!(cause instanceof SyscallError)) throw cause
      const { name } = this.#parts
      throw new DnsletError(
        'E_INTERFACE',
        `Cannot set up interface "${name}": ${cause.message}; ` +
          'see that nothing else manages it and that dnslet has the capability NET_ADMIN',
        { cause },
      )
    }
  }
}
