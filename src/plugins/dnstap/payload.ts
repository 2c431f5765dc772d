import { parseIp } from '../../corefile/ip.ts'
import { splitHostPort, unmapped } from '../../lib/address.ts'
import { ProtobufWriter } from '../../lib/protobuf.ts'

/** dnstap.proto, message Message, field type. */
export const MessageType = {
  ClientQuery: 5,
  ClientResponse: 6,
  ForwarderQuery: 7,
  ForwarderResponse: 8,
} as const
export type MessageType = (typeof MessageType)[keyof typeof MessageType]

/** The same, field socket_protocol; names are those of transports to upstreams. */
export const SocketProtocol = { udp: 1, tcp: 2, 'tcp-tls': 3, https: 4 } as const

export interface SocketAddress {
  /** 4 octets or 16. */
  readonly ip: Uint8Array
  readonly port: number
}

/** What is told of a query or an answer. */
export interface TapMessage {
  readonly type: MessageType
  readonly protocol: number
  /** Who asks; null: not known. */
  readonly from: SocketAddress | null
  /** Who is asked; null: not told. */
  readonly to: SocketAddress | null
  /** Milliseconds since 1970. */
  readonly queryTime: number
  /** The same; null for a query. */
  readonly responseTime: number | null
  /** The message; null: not told. */
  readonly wire: Uint8Array | null
}

/** Who sends it, and what was put in by `extra`. */
export interface Envelope {
  readonly identity: Uint8Array
  readonly version: Uint8Array
  readonly extra: Uint8Array | null
}

/** Octets that `writePayload` may take. */
export function payloadRoom(m: TapMessage, { identity, version, extra }: Envelope): number {
  const texts = identity.length + version.length + (extra?.length ?? 0)
  return (m.wire?.length ?? 0) + texts + 256
}

/** Writes a Dnstap message of protobuf at `out[at..)`, where there is `payloadRoom`; its end. */
export function writePayload(out: Buffer, at: number, m: TapMessage, envelope: Envelope): number {
  const w = new ProtobufWriter(out, at)
  w.octets(1, envelope.identity)
  w.octets(2, envelope.version)
  if (envelope.extra !== null) w.octets(3, envelope.extra)
  const start = w.begin(14)
  writeMessage(w, m)
  w.end(start)
  w.number(15, 1)
  return w.at
}

function writeMessage(w: ProtobufWriter, m: TapMessage): void {
  const isIPv6 = (m.to ?? m.from)?.ip.length === 16
  w.number(1, m.type)
  w.number(2, isIPv6 ? 2 : 1)
  w.number(3, m.protocol)
  if (m.from !== null) w.octets(4, m.from.ip)
  if (m.to !== null) w.octets(5, m.to.ip)
  if (m.from !== null) w.number(6, m.from.port)
  if (m.to !== null) w.number(7, m.to.port)
  w.number(8, Math.floor(m.queryTime / 1000))
  w.fixed32(9, nanoseconds(m.queryTime))
  if (m.responseTime === null) {
    if (m.wire !== null) w.octets(10, m.wire)
  } else {
    w.number(12, Math.floor(m.responseTime / 1000))
    w.fixed32(13, nanoseconds(m.responseTime))
    if (m.wire !== null) w.octets(14, m.wire)
  }
}

/** Of a second, below 10^9; microseconds are as much as a number of milliseconds since 1970 holds. */
function nanoseconds(ms: number): number {
  return Math.floor((ms % 1000) * 1000) * 1000
}

const AF_INET6 = 10

/** A client's address as the kernel writes it (sockaddr_in, sockaddr_in6). */
export function clientAddress(name: Buffer): SocketAddress {
  const port = name.readUInt16BE(2)
  if (name[0] !== AF_INET6) return { ip: name.subarray(4, 8), port }
  const ip = name.subarray(8, 24)
  const isMapped = ip.readUInt32BE(8) === 0xffff && ip.readBigUInt64BE(0) === 0n
  return { ip: isMapped ? ip.subarray(12) : ip, port }
}

/** `10.0.0.7:53`, `[fe80::1%eth0]:53`; null for what is no such address. */
export function addressOf(text: string): SocketAddress | null {
  const parts = splitHostPort(text)
  if (typeof parts === 'string') return null
  const ip = parseIp(unmapped(parts.host.replace(/%.*$/, '')))
  return ip === null ? null : { ip, port: Number(parts.port) }
}
