import { constants } from 'node:os'
import { blockFor } from '../lib/clock.ts'
import type { Libc } from './libc.ts'
import { attribute, nested, Nlm } from './netlink-message.ts'
import { NetlinkSocket } from './netlink-socket.ts'
import {
  addressHeader,
  FOREVER,
  Ifa,
  IFF_UP,
  Ifla,
  IflaInfo,
  type Link,
  type LinkAddress,
  linkHeader,
  readAddress,
  readLink,
  readRoute,
  type Route,
  routeHeader,
  RT_SCOPE_HOST,
  RT_TABLE_LOCAL,
  Rta,
  Rtm,
  RTN_LOCAL,
  RTPROT_KERNEL,
} from './rtnetlink-message.ts'
import { AF_INET6, ipOctets } from './sockaddr.ts'
import { SyscallError } from './socket.ts'

const IFLA_INET6_ADDR_GEN_MODE = 8
const IN6_ADDR_GEN_MODE_NONE = 1
/** No duplicate address detection; no route to the prefix beside the one to the address itself. */
const IFA_F_NODAD_NOPREFIXROUTE = 0x02 | 0x200

const none = new Uint8Array()

/**
 * Links, addresses and routes of our network namespace. Every method throws SyscallError, whose
 * `syscall` is the request. Addresses are given and returned in the form of RFC 5952.
 */
export class Rtnetlink {
  readonly #libc: Libc
  readonly #socket: NetlinkSocket

  constructor(libc: Libc) {
    this.#libc = libc
    this.#socket = new NetlinkSocket(libc)
  }

  close(): void {
    this.#socket.close()
  }

  /** Null where there is no link of this name. */
  link(name: string): Link | null {
    const named = attribute(Ifla.Name, name)
    const [reply] =
      orNull([ENODEV], () =>
        this.#socket.request('RTM_GETLINK', Rtm.GetLink, 0, linkHeader(0), named),
      ) ?? []
    if (reply === undefined) return null
    return readLink(reply)
  }

  setUp(index: number): void {
    this.#socket.request('RTM_NEWLINK', Rtm.NewLink, 0, linkHeader(index, IFF_UP))
  }

  /** Makes no fe80:: address when the link comes up. Fails where the kernel has no IPv6. */
  disableLinkLocal(index: number): void {
    const mode = attribute(IFLA_INET6_ADDR_GEN_MODE, Uint8Array.of(IN6_ADDR_GEN_MODE_NONE))
    const spec = nested(Ifla.AfSpec, nested(AF_INET6, mode))
    this.#socket.request('RTM_NEWLINK', Rtm.NewLink, 0, linkHeader(index), spec)
  }

  deleteLink(index: number): void {
    this.#socket.request('RTM_DELLINK', Rtm.DelLink, 0, linkHeader(index))
  }

  /** A link that drops all it is given, made for its addresses' sake. Returns its index. */
  createDummy(name: string): number {
    this.#socket.request(
      'RTM_NEWLINK',
      Rtm.NewLink,
      Nlm.Create | Nlm.Exclusive,
      linkHeader(0),
      attribute(Ifla.Name, name),
      nested(Ifla.LinkInfo, attribute(IflaInfo.Kind, 'dummy')),
    )
    return this.#libc.if_nametoindex(name)
  }

  /** All addresses of a link, IPv4 and IPv6. */
  addresses(index: number): LinkAddress[] {
    return this.#socket
      .request('RTM_GETADDR', Rtm.GetAddr, Nlm.Dump, addressHeader(none, 0))
      .map(readAddress)
      .filter((one) => one.index === index)
  }

  /**
   * Adds a /32 or /128, or gives the one that is there a new lifetime. An IPv6 address is
   * deprecated from the start: clients may use it as a destination, but the kernel must not choose
   * it as the source of what the node sends elsewhere (RFC 6724 §5, rule 3). A thread of the kernel
   * makes the route to it, a little later: this waits for that, 50 ms at most.
   *
   * @param lifetime seconds, at least 1; null for ever
   */
  setAddress(index: number, address: string, lifetime: number | null): void {
    const octets = ipOctets(this.#libc, address)
    const valid = lifetime ?? FOREVER
    const preferred = octets.length === 4 ? valid : 0
    this.#socket.request(
      'RTM_NEWADDR',
      Rtm.NewAddr,
      Nlm.Create | Nlm.Replace,
      addressHeader(octets, index),
      attribute(Ifa.Local, octets),
      attribute(Ifa.Address, octets),
      attribute(Ifa.Flags, IFA_F_NODAD_NOPREFIXROUTE),
      attribute(Ifa.CacheInfo, Buffer.from(Uint32Array.of(preferred, valid, 0, 0).buffer)),
    )
    for (let ms = 0; ms < 50 && this.route(address)?.local !== true; ms++) blockFor(1)
  }

  deleteAddress(index: number, address: string): void {
    const octets = ipOctets(this.#libc, address)
    this.#socket.request(
      'RTM_DELADDR',
      Rtm.DelAddr,
      0,
      addressHeader(octets, index),
      attribute(Ifa.Local, octets),
    )
  }

  /** The way to `destination`, or null where there is none. Nothing is sent. */
  route(destination: string): Route | null {
    const octets = ipOctets(this.#libc, destination)
    const [reply] =
      orNull([ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL], () =>
        this.#socket.request(
          'RTM_GETROUTE',
          Rtm.GetRoute,
          0,
          routeHeader(octets, { table: 0, protocol: 0, scope: 0, type: 0 }),
          attribute(Rta.Destination, octets),
        ),
      ) ?? []
    return reply === undefined ? null : readRoute(reply)
  }

  /**
   * Makes `source` the address of sockets that connect to `address`, which is one of ours. The
   * kernel no longer removes such a route together with the address, only with the link, or with
   * the last IPv4 address of the link.
   */
  setLocalRoute(index: number, address: string, source: string): void {
    const octets = ipOctets(this.#libc, address)
    const preferred = attribute(Rta.PreferredSource, ipOctets(this.#libc, source))
    this.#localRoute('RTM_NEWROUTE', Rtm.NewRoute, Nlm.Create | Nlm.Replace, octets, index, [
      preferred,
    ])
    // IPv6: ours has metric 1024 (0 is refused) and is hidden by the kernel's own, of metric 0.
    if (octets.length === 16 && source !== address && this.route(address)?.source === address) {
      this.deleteLocalRoute(index, address)
    }
  }

  /** Deletes the route to an address of ours, of several the one that is used. */
  deleteLocalRoute(index: number, address: string): void {
    const octets = ipOctets(this.#libc, address)
    this.#localRoute('RTM_DELROUTE', Rtm.DelRoute, 0, octets, index, [])
  }

  #localRoute(
    name: string,
    type: number,
    flags: number,
    octets: Buffer,
    index: number,
    more: readonly Buffer[],
  ): void {
    // IPv6 has no scopes of routes.
    const scope = octets.length === 4 ? RT_SCOPE_HOST : 0
    this.#socket.request(
      name,
      type,
      flags,
      routeHeader(octets, {
        table: RT_TABLE_LOCAL,
        protocol: RTPROT_KERNEL,
        scope,
        type: RTN_LOCAL,
      }),
      attribute(Rta.Destination, octets),
      attribute(Rta.OutInterface, index),
      ...more,
    )
  }
}

const { EACCES, EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV } = constants.errno

/** Null where the kernel says no in one of these ways. */
function orNull<T>(errnos: readonly number[], ask: () => T): T | null {
  try {
    return ask()
  } catch (cause) {
    if (cause instanceof SyscallError && errnos.includes(cause.errno)) return null
    throw cause
  }
}
