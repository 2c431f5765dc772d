import { readAttributes, textOf } from './netlink-message.ts'
import { AF_INET, AF_INET6, ipText } from './sockaddr.ts'

/** Requests of linux/rtnetlink.h. */
export const Rtm = {
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

/** Attributes of a link, of what kind it is, of an address and of a route. */
export const Ifla = { Name: 3, LinkInfo: 18, AfSpec: 26 } as const
export const IflaInfo = { Kind: 1, Data: 2 } as const
const IflaTun = { Persist: 6, Queues: 8 } as const
export const Ifa = { Address: 1, Local: 2, CacheInfo: 6, Flags: 8 } as const
export const Rta = { Destination: 1, OutInterface: 4, PreferredSource: 7 } as const

/** The flag of a link that is up. */
export const IFF_UP = 1
/** The lifetime of an address that has none. */
export const FOREVER = 0xffffffff

/** Where and what a route is. */
export const RT_TABLE_LOCAL = 255
export const RTPROT_KERNEL = 2
export const RT_SCOPE_HOST = 254
const RTN_UNICAST = 1
export const RTN_LOCAL = 2

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

/** A struct ifinfomsg. @param flags the flags to set */
export function linkHeader(index: number, flags = 0): Buffer {
  const header = Buffer.alloc(IFINFO_SIZE)
  header.writeInt32LE(index, 4)
  header.writeUInt32LE(flags, 8)
  header.writeUInt32LE(flags, 12)
  return header
}

/** A struct ifaddrmsg of a /32 or /128; of no octets, for all addresses there are. */
export function addressHeader(octets: Uint8Array, index: number): Buffer {
  const header = Buffer.alloc(IFADDR_SIZE)
  if (octets.length > 0) header.set([family(octets), octets.length * 8])
  header.writeUInt32LE(index, 4)
  return header
}

/** A struct rtmsg of a /32 or /128. */
export function routeHeader(
  destination: Uint8Array,
  of: { table: number; protocol: number; scope: number; type: number },
): Buffer {
  const header = Buffer.alloc(RTMSG_SIZE)
  header.set([family(destination), destination.length * 8, 0, 0])
  header.set([of.table, of.protocol, of.scope, of.type], 4)
  return header
}

/** The link that RTM_GETLINK told of. */
export function readLink(payload: Buffer): Link {
  const info = within(readAttributes(payload.subarray(IFINFO_SIZE)), Ifla.LinkInfo)
  const data = within(info, IflaInfo.Data)
  return {
    index: payload.readInt32LE(4),
    kind: textOf(info.get(IflaInfo.Kind) ?? Buffer.alloc(0)),
    up: (payload.readUInt32LE(8) & IFF_UP) !== 0,
    queues: data.get(IflaTun.Queues)?.readUInt32LE() ?? 0,
    persistent: data.get(IflaTun.Persist)?.readUInt8() === 1,
  }
}

/** The address that RTM_GETADDR told of, and the index of its link. */
export function readAddress(payload: Buffer): LinkAddress & { readonly index: number } {
  const attributes = readAttributes(payload.subarray(IFADDR_SIZE))
  const octets = attributes.get(Ifa.Local) ?? attributes.get(Ifa.Address) ?? Buffer.alloc(4)
  const valid = attributes.get(Ifa.CacheInfo)?.readUInt32LE(4) ?? FOREVER
  return {
    index: payload.readUInt32LE(4),
    address: ipText(octets),
    lifetime: valid === FOREVER ? null : valid,
  }
}

/** The route that RTM_GETROUTE told of; null where it leads nowhere. */
export function readRoute(payload: Buffer): Route | null {
  const type = payload.readUInt8(7)
  if (type !== RTN_UNICAST && type !== RTN_LOCAL) return null
  const source = readAttributes(payload.subarray(RTMSG_SIZE)).get(Rta.PreferredSource)
  return { local: type === RTN_LOCAL, source: source === undefined ? null : ipText(source) }
}

/** The attributes inside an attribute. */
function within(attributes: Map<number, Buffer>, type: number): Map<number, Buffer> {
  return readAttributes(attributes.get(type) ?? Buffer.alloc(0))
}

function family(octets: Uint8Array): number {
  return octets.length === 4 ? AF_INET : AF_INET6
}
