import type { Libc } from './libc.ts'
import { attribute, nested, readAttributes, textOf } from './netlink-message.ts'
import {
  NetlinkSocket,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from './netlink-socket.ts'
import { AF_INET, AF_INET6, ipOctets, ipText } from './sockaddr.ts'
import { SyscallError } from './socket.ts'

/** Requests of linux/rtnetlink.h. */
const Rtm = {
  NewLink: 16,
  DelLink: 17,
  GetLink: 18,
  NewAddr: 20,
  DelAddr: 21,
  GetAddr: 22,
  NewRoute: 24,
  DelRoute: 25,
  GetRoute: 26,
} as const
const Ifla = { Name: 3, LinkInfo: 18, AfSpec: 26 } as const
const IflaInfo = { Kind: 1, Data: 2 } as const
const IflaTun = { Persist: 6, Queues: 8 } as const
const Ifa = { Address: 1, Local: 2, CacheInfo: 6, Flags: 8 } as const
const Rta = { Destination: 1, OutInterface: 4, PreferredSource: 7 } as const

const IFF_UP = 1
const IFLA_INET6_ADDR_GEN_MODE = 8
const IN6_ADDR_GEN_MODE_NONE = 1
/** No duplicate address detection; no route to the prefix beside the one to the address itself. */
const IFA_F_NODAD_NOPREFIXROUTE = 0x02 | 0x200
const FOREVER = 0xffffffff
const RT_TABLE_LOCAL = 255
const RTPROT_KERNEL = 2
const RT_SCOPE_HOST = 254
const RTN_UNICAST = 1
const RTN_LOCAL = 2

/** sizeof(struct ifinfomsg), ifaddrmsg and rtmsg. */
const IFINFO_SIZE = 16
const IFADDR_SIZE = 8
const RTMSG_SIZE = 12

/** A network interface. */
export interface Link {
  readonly index: number
  /** `tun`, `dummy`, `bridge`, …; empty for hardware. */
  readonly kind: string
  readonly up: boolean
  /** Of a TUN: descriptors that are attached to it, in whatever process. Else 0. */
  readonly queues: number
  /** Of a TUN: whether it stays when no process holds it. */
  readonly persistent: boolean
}

/** An address of a link. */
export interface LinkAddress {
  readonly address: string
  /** Seconds it has left, or null where it stays for ever. */
  readonly lifetime: number | null
}

/** The way to a destination. */
export interface Route {
  /** Whether the destination is an address of this machine. */
  readonly local: boolean
  /** The source address of a socket that is bound to none; null where the kernel names none. */
  readonly source: string | null
}

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
    const [reply] = orNull([ENODEV], () =>
      this.#socket.request('RTM_GETLINK', Rtm.GetLink, 0, linkHeader(0), named),
    ) ?? []
    if (reply === undefined) return null
    const info = within(readAttributes(reply.subarray(IFINFO_SIZE)), Ifla.LinkInfo)
    const data = within(info, IflaInfo.Data)
    return {
      index: reply.readInt32LE(4),
      kind: textOf(info.get(IflaInfo.Kind) ?? Buffer.alloc(0)),
      up: (reply.readUInt32LE(8) & IFF_UP) !== 0,
      queues: data.get(IflaTun.Queues)?.readUInt32LE() ?? 0,
      persistent: data.get(IflaTun.Persist)?.readUInt8() === 1,
    }
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

  /** A link that drops all it is given, for its addresses' sake. */
  createDummy(name: string): void {
    this.#socket.request(
      'RTM_NEWLINK',
      Rtm.NewLink,
      NLM_F_CREATE | NLM_F_EXCL,
      linkHeader(0),
      attribute(Ifla.Name, name),
      nested(Ifla.LinkInfo, attribute(IflaInfo.Kind, 'dummy')),
    )
  }

  /** All addresses of a link, IPv4 and IPv6. */
  addresses(index: number): LinkAddress[] {
    const all = this.#socket.request('RTM_GETADDR', Rtm.GetAddr, NLM_F_DUMP, addressHeader(0, 0, 0))
    return all
      .filter((reply) => reply.readUInt32LE(4) === index)
      .map((reply) => {
        const attributes = readAttributes(reply.subarray(IFADDR_SIZE))
        const octets = attributes.get(Ifa.Local) ?? attributes.get(Ifa.Address)!
        const valid = attributes.get(Ifa.CacheInfo)?.readUInt32LE(4) ?? FOREVER
        return { address: ipText(octets), lifetime: valid === FOREVER ? null : valid }
      })
  }

  /**
   * Adds a /32 or /128, or gives the one that is there a new lifetime. An IPv6 address is
   * deprecated from the start: clients may use it as a destination, but the kernel must not choose
   * it as the source of what the node sends elsewhere (RFC 6724 §5, rule 3).
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
      NLM_F_CREATE | NLM_F_REPLACE,
      addressHeader(family(octets), octets.length * 8, index),
      attribute(Ifa.Local, octets),
      attribute(Ifa.Address, octets),
      attribute(Ifa.Flags, IFA_F_NODAD_NOPREFIXROUTE),
      attribute(Ifa.CacheInfo, Buffer.from(Uint32Array.of(preferred, valid, 0, 0).buffer)),
    )
  }

  deleteAddress(index: number, address: string): void {
    const octets = ipOctets(this.#libc, address)
    this.#socket.request(
      'RTM_DELADDR',
      Rtm.DelAddr,
      0,
      addressHeader(family(octets), octets.length * 8, index),
      attribute(Ifa.Local, octets),
    )
  }

  /** The way to `destination`, or null where there is none. Nothing is sent. */
  route(destination: string): Route | null {
    const octets = ipOctets(this.#libc, destination)
    const [reply] = orNull([ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL], () =>
      this.#socket.request(
        'RTM_GETROUTE',
        Rtm.GetRoute,
        0,
        routeHeader(octets, { table: 0, protocol: 0, scope: 0, type: 0 }),
        attribute(Rta.Destination, octets),
      ),
    ) ?? []
    const type = reply?.readUInt8(7)
    if (reply === undefined || (type !== RTN_UNICAST && type !== RTN_LOCAL)) return null
    const source = readAttributes(reply.subarray(RTMSG_SIZE)).get(Rta.PreferredSource)
    return { local: type === RTN_LOCAL, source: source === undefined ? null : ipText(source) }
  }

  /**
   * Makes `source` the address of sockets that connect to `address`, which is one of ours. The
   * kernel no longer removes such a route together with the address, only with the link.
   */
  setLocalRoute(index: number, address: string, source: string): void {
    const octets = ipOctets(this.#libc, address)
    const preferred = attribute(Rta.PreferredSource, ipOctets(this.#libc, source))
    this.#localRoute('RTM_NEWROUTE', Rtm.NewRoute, NLM_F_CREATE | NLM_F_REPLACE, octets, index, [
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
      routeHeader(octets, { table: RT_TABLE_LOCAL, protocol: RTPROT_KERNEL, scope, type: RTN_LOCAL }),
      attribute(Rta.Destination, octets),
      attribute(Rta.OutInterface, index),
      ...more,
    )
  }
}

const EACCES = 13
const ENODEV = 19
const EINVAL = 22
const ENETUNREACH = 101
const EHOSTUNREACH = 113

/** Null where the kernel says no in one of these ways. */
function orNull<T>(errnos: readonly number[], ask: () => T): T | null {
  try {
    return ask()
  } catch (cause) {
    if (cause instanceof SyscallError && errnos.includes(cause.errno)) return null
    throw cause
  }
}

/** The attributes inside an attribute. */
function within(attributes: Map<number, Buffer>, type: number): Map<number, Buffer> {
  return readAttributes(attributes.get(type) ?? Buffer.alloc(0))
}

function family(octets: Buffer): number {
  return octets.length === 4 ? AF_INET : AF_INET6
}

/** A struct ifinfomsg. @param flags the flags to set */
function linkHeader(index: number, flags = 0): Buffer {
  const header = Buffer.alloc(IFINFO_SIZE)
  header.writeInt32LE(index, 4)
  header.writeUInt32LE(flags, 8)
  header.writeUInt32LE(flags, 12)
  return header
}

/** A struct ifaddrmsg. */
function addressHeader(addressFamily: number, prefix: number, index: number): Buffer {
  const header = Buffer.alloc(IFADDR_SIZE)
  header.writeUInt8(addressFamily, 0)
  header.writeUInt8(prefix, 1)
  header.writeUInt32LE(index, 4)
  return header
}

/** A struct rtmsg. */
function routeHeader(
  destination: Buffer,
  of: { table: number; protocol: number; scope: number; type: number },
): Buffer {
  const header = Buffer.alloc(RTMSG_SIZE)
  header.set([family(destination), destination.length * 8, 0, 0])
  header.set([of.table, of.protocol, of.scope, of.type], 4)
  return header
}
