import { isLinkLocalIPv6 } from '../lib/address.ts'
import type { Log } from '../lib/log.ts'
import type { Libc } from '../sys/libc.ts'
import type { Rtnetlink } from '../sys/rtnetlink.ts'
import { ipOctets, ipText } from '../sys/sockaddr.ts'
import { SyscallError } from '../sys/socket.ts'

/**
 * What makes the addresses useless when this process hangs. `set`: elsewhere, an nft set gates the
 * rules. `address`: the addresses have a lifetime of three seconds.
 */
export type Lease = 'set' | 'address'

/** Seconds that an address stays without being renewed. */
const LIFETIME = 3

/**
 * Our addresses on a link, and the routes to them.
 *
 * A host process that connects a UDP socket to one of them would get that very address as the
 * socket's own: the kernel prefers a source equal to the destination. Once the address is gone, such
 * a socket fails for good, however well kube-dns is. So the local route names the node's address as
 * the source. But a route so changed stays when the lifetime of its address ends: with lease
 * `address` it is left alone.
 */
export class InterfaceAddresses {
  readonly #libc: Libc
  readonly #rtnetlink: Rtnetlink
  readonly #log: Log
  readonly #addresses: readonly string[]
  readonly #lease: Lease
  #toldOfSource = false

  /** @param addresses IP addresses in the form of RFC 5952 */
  constructor(parts: {
    libc: Libc
    rtnetlink: Rtnetlink
    addresses: readonly string[]
    lease: Lease
    log: Log
  }) {
    this.#libc = parts.libc
    this.#rtnetlink = parts.rtnetlink
    this.#addresses = parts.addresses
    this.#lease = parts.lease
    this.#log = parts.log
  }

  /** Adds what is missing on a link that is up, and says what that was. Throws SyscallError. */
  ensure(index: number): string[] {
    if (this.#lease === 'address') this.#dropRoutes(index)
    const addresses = this.#rtnetlink.addresses(index)
    const lifetimes = new Map(addresses.map(({ address, lifetime }) => [address, lifetime]))
    const missing = this.#addresses.filter((address) => {
      const lifetime = lifetimes.get(address)
      return lifetime === undefined || (lifetime === null) !== (this.#lease === 'set')
    })
    for (const address of missing) this.#set(index, address)
    const routed =
      this.#lease === 'set'
        ? this.#addresses.filter((address) => this.#ensureRoute(index, address))
        : []
    return [
      ...missing.map((address) => `address ${address}`),
      ...routed.map((address) => `source address of the route to ${address}`),
    ]
  }

  /** Starts the lifetimes again, where there are any. Throws SyscallError. */
  renew(index: number): void {
    if (this.#lease === 'address') for (const address of this.#addresses) this.#set(index, address)
  }

  /** Takes our addresses away, as far as they are there. Throws SyscallError. */
  remove(index: number): void {
    for (const address of this.#addresses) this.#remove(index, address)
  }

  /** Takes away what somebody else left on the link: nobody would answer there. */
  removeOthers(index: number): void {
    for (const { address } of this.#rtnetlink.addresses(index)) {
      // Of IPv6, fe80::/10 is the kernel's own.
      if (this.#addresses.includes(address) || isLinkLocalIPv6(address)) continue
      this.#remove(index, address)
    }
  }

  #set(index: number, address: string): void {
    this.#rtnetlink.setAddress(index, address, this.#lease === 'set' ? null : LIFETIME)
  }

  /** Routes of a predecessor whose lease was a set. */
  #dropRoutes(index: number): void {
    for (const address of this.#addresses) {
      const route = this.#rtnetlink.route(address)
      if (route?.local === true && route.source !== address) this.#remove(index, address)
    }
  }

  /** The address first: a socket that connects in between must not get it as its own. */
  #remove(index: number, address: string): void {
    ifThere(() => this.#rtnetlink.deleteAddress(index, address))
    // The kernel took it along, unless its source was changed.
    ifThere(() => this.#rtnetlink.deleteLocalRoute(index, address))
  }

  /** Whether the route had to be changed. */
  #ensureRoute(index: number, address: string): boolean {
    const route = this.#rtnetlink.route(address)
    const isLocal = route?.local === true
    const isOwn = route?.source === address
    // A node address that is gone again (DHCP) leaves the route, and sockets that cannot send.
    if (isLocal && !isOwn && this.#isLocal(route.source)) return false
    const source = this.#nodeAddress(address)
    if (source === null && !this.#toldOfSource) {
      this.#toldOfSource = true
      this.#log.warning(
        `Cannot find this node's own address on the way to ${address}: no route there; ` +
          'host processes that keep a socket connected to it lose DNS when dnslet ends',
      )
    }
    if (source === null && isLocal && isOwn) return false
    this.#rtnetlink.setLocalRoute(index, address, source ?? address)
    return true
  }

  /**
   * The source address of what the node sends past us to a neighbour of `address`, to which the
   * same route leads as would to `address` itself if it were not local.
   */
  #nodeAddress(address: string): string | null {
    const octets = ipOctets(this.#libc, address)
    const last = octets.length - 1
    for (let bit = 1; bit <= 0x80; bit <<= 1) {
      const neighbour = Buffer.from(octets)
      neighbour[last] = octets[last]! ^ bit
      const route = this.#rtnetlink.route(ipText(neighbour))
      const source = route === null || route.local ? null : route.source
      if (source !== null && !this.#addresses.includes(source)) return source
    }
    return null
  }

  #isLocal(address: string | null): boolean {
    return address !== null && this.#rtnetlink.route(address)?.local === true
  }
}

const gone: readonly string[] = ['ENODEV', 'ESRCH', 'EADDRNOTAVAIL']

function ifThere(remove: () => void): void {
  try {
    remove()
  } catch (cause) {
    if (!(cause instanceof SyscallError) || !gone.includes(cause.code)) throw cause
  }
}
