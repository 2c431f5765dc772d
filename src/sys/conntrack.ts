import { isIP } from 'node:net'

import { canonicalAddress, type Endpoint, joinHostPort } from '../lib/address.ts'
import type { Libc } from './libc.ts'
import { MSG_DONTWAIT } from './mmsg.ts'
import {
  AF_NETLINK,
  attribute,
  nested,
  netlinkMessage,
  Nlm,
  NLMSG_ERROR,
  readAttributes,
  readMessages,
} from './netlink-message.ts'
import { AF_INET, AF_INET6, clientSockaddr } from './sockaddr.ts'
import { Sock } from './socket.ts'

const NETLINK_NETFILTER = 12
/** IPCTNL_MSG_CT_GET of subsystem 1, NFNL_SUBSYS_CTNETLINK. */
const GET = (1 << 8) | 1
const IPPROTO_TCP = 6
/** Larger than any entry. */
const REPLY_SIZE = 4096

/** linux/netfilter/nfnetlink_conntrack.h */
const Tuple = { Original: 1, Reply: 2 } as const
const TuplePart = { Ip: 1, Protocol: 2 } as const
const Ip = { V4Source: 1, V4Destination: 2, V6Source: 3, V6Destination: 4 } as const
const Protocol = { Number: 1, SourcePort: 2, DestinationPort: 3 } as const

/**
 * Which server the kernel has translated a TCP connection to (kube-proxy's DNAT), as connection tracking
 * knows it: `10.244.1.10:53`, or what was connected to where nothing is translated. Two round trips into
 * the kernel, which answers inside of send(); nothing waits.
 *
 * @returns an error number where it does not say: EPERM without CAP_NET_ADMIN, ENOENT where the connection
 *     is not tracked, as with proxies that work in eBPF
 */
export function translatedTo(libc: Libc, from: Endpoint, to: Endpoint): string | number {
  const fd = libc.socket(AF_NETLINK, Sock.Raw | Sock.CloseOnExec, NETLINK_NETFILTER)
  if (fd < 0) return libc.errno()
  try {
    const request = question(from, to)
    if (libc.send(fd, request, request.length, MSG_DONTWAIT) < 0) return libc.errno()
    const reply = Buffer.alloc(REPLY_SIZE)
    const length = libc.recv(fd, reply, REPLY_SIZE, MSG_DONTWAIT)
    return length < 0 ? libc.errno() : readEntry(reply.subarray(0, length))
  } finally {
    libc.close(fd)
  }
}

/** With a struct nfgenmsg: family 1 | version 1 | resource 2. */
function question(from: Endpoint, to: Endpoint): Buffer {
  const ipv6 = isIP(to.host) === 6
  const prefix = Buffer.of(ipv6 ? AF_INET6 : AF_INET, 0, 0, 0)
  const ip = nested(
    TuplePart.Ip,
    attribute(ipv6 ? Ip.V6Source : Ip.V4Source, addressOf(from)),
    attribute(ipv6 ? Ip.V6Destination : Ip.V4Destination, addressOf(to)),
  )
  const protocol = nested(
    TuplePart.Protocol,
    attribute(Protocol.Number, Buffer.of(IPPROTO_TCP)),
    attribute(Protocol.SourcePort, portOf(from)),
    attribute(Protocol.DestinationPort, portOf(to)),
  )
  return netlinkMessage(GET, Nlm.Request, 1, [prefix, nested(Tuple.Original, ip, protocol)])
}

/** In network order. */
function addressOf({ host, port }: Endpoint): Buffer {
  const octets = clientSockaddr(host, port)
  return isIP(host) === 6 ? octets.subarray(8, 24) : octets.subarray(4, 8)
}

function portOf({ port }: Endpoint): Buffer {
  return Buffer.of(port >> 8, port & 0xff)
}

/** The source of the packets that come back: the server behind the address; or why there is none. */
function readEntry(datagram: Buffer): string | number {
  const [message] = readMessages(datagram)
  if (message === undefined) return 0
  const { payload, type } = message
  if (type === NLMSG_ERROR) return payload.length < 4 ? 0 : -payload.readInt32LE(0)
  const reply = readAttributes(payload.subarray(4)).get(Tuple.Reply)
  if (reply === undefined) return 0
  const parts = readAttributes(reply)
  const ip = readAttributes(parts.get(TuplePart.Ip) ?? Buffer.alloc(0))
  const ports = readAttributes(parts.get(TuplePart.Protocol) ?? Buffer.alloc(0))
  const host = textOf(ip.get(Ip.V4Source) ?? ip.get(Ip.V6Source))
  const port = ports.get(Protocol.SourcePort)
  return host === '' || port?.length !== 2 ? 0 : joinHostPort(host, port.readUInt16BE(0))
}

/** '' where there is none. */
function textOf(octets: Buffer | undefined): string {
  if (octets?.length === 4) return octets.join('.')
  if (octets?.length !== 16) return ''
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i).toString(16))
  return canonicalAddress(groups.join(':'))
}
