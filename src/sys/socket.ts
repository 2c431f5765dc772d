import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'

import { DnsletError } from '../lib/errors.ts'
import type { Libc } from './libc.ts'
import { AF_INET, AF_INET6, sockaddrPort, sockaddrSize, writeSockaddr } from './sockaddr.ts'

/** A system call that failed. `code` is the kernel's name of the error, as in Node's own errors. */
export class SyscallError extends DnsletError {
  readonly syscall: string
  readonly errno: number

  constructor(syscall: string, errno: number) {
    super(errnoName(errno), `Cannot ${syscall}: ${errnoName(errno)}`)
    this.syscall = syscall
    this.errno = errno
  }
}

/** `EADDRINUSE` for 98. */
export function errnoName(errno: number): string {
  return getSystemErrorName(-errno)
}

/** Types of a socket, and what is set on it from the beginning. */
export const Sock = {
  Stream: 1,
  Datagram: 2,
  Raw: 3,
  NonBlocking: 0o4000,
  CloseOnExec: 0o2000000,
} as const

/** Options by level and number, as on x64 and arm64. */
const ReuseAddress = [1, 2] as const
const ReceiveBuffer = [1, 8] as const
const ReusePort = [1, 15] as const
/** Memory and drops of a socket as nine numbers of 32 bits (linux/sock_diag.h), since Linux 4.12. */
const MemoryInfo = [1, 55] as const
const ReceiveBufferForce = [1, 33] as const
const FreeBind = [0, 15] as const
const V6Only = [41, 26] as const
const V6FreeBind = [41, 78] as const
const QuickAck = [6, 12] as const
const NoDelay = [6, 1] as const
type Option = readonly [level: number, option: number]

export interface SocketOptions {
  /** An IP address, IPv6 with its scope where it is link-local. */
  readonly address: string
  readonly port: number
  /** Lets the socket be bound before its address exists on this machine. */
  readonly freeBind: boolean
}

export interface UdpSocketOptions extends SocketOptions {
  /** Bytes of datagrams the kernel may hold for us. */
  readonly receiveBuffer: number
}

/**
 * A bound UDP socket with SO_REUSEPORT, not blocking, closed on exec. The caller closes it. Throws
 * SyscallError.
 */
export function bindUdp(libc: Libc, options: UdpSocketOptions): number {
  return bindSocket(libc, Sock.Datagram, options, (fd) => {
    setReceiveBuffer(libc, fd, options.receiveBuffer)
  })
}

/** Lets the kernel hold so many bytes of datagrams for a socket, or as many as it grants. */
export function setReceiveBuffer(libc: Libc, fd: number, bytes: number): void {
  // Beyond net.core.rmem_max only CAP_NET_ADMIN may go.
  if (setOption(libc, fd, ReceiveBufferForce, bytes) < 0) setOption(libc, fd, ReceiveBuffer, bytes)
}

/** A bound TCP socket with SO_REUSEPORT that does not listen yet; otherwise as `bindUdp`. */
export function bindTcp(libc: Libc, options: SocketOptions): number {
  return bindSocket(libc, Sock.Stream, options, (fd) => {
    // Connections of the process before us may still be in TIME_WAIT.
    check(libc, 'setsockopt', setOption(libc, fd, ReuseAddress, 1))
  })
}

function bindSocket(
  libc: Libc,
  type: number,
  options: SocketOptions,
  prepare: (fd: number) => void,
): number {
  const { address, port, freeBind } = options
  const ipv6 = address.includes(':')
  const flags = Sock.NonBlocking | Sock.CloseOnExec
  const fd = libc.socket(ipv6 ? AF_INET6 : AF_INET, type | flags, 0)
  check(libc, 'socket', fd)
  try {
    const set = (option: Option): void => {
      check(libc, 'setsockopt', setOption(libc, fd, option, 1))
    }
    set(ReusePort)
    if (ipv6) set(V6Only)
    if (freeBind) set(ipv6 ? V6FreeBind : FreeBind)
    prepare(fd)
    const name = Buffer.alloc(sockaddrSize(true))
    if (!writeSockaddr(libc, name, ipv6, address, port))
      throw new SyscallError('bind', constants.errno.EINVAL)
    check(libc, 'bind', libc.bind(fd, name, sockaddrSize(ipv6)))
  } catch (cause) {
    libc.close(fd)
    throw cause
  }
  return fd
}

/**
 * Sets SO_REUSEPORT of a bound socket: whether processes of the same user may bind its address as well.
 * Of TCP the kernel remembers for the whole port what its sockets were bound with; see `forgetSharing()`.
 */
export function shareAddress(libc: Libc, fd: number, shared: boolean): void {
  setOption(libc, fd, ReusePort, shared ? 1 : 0)
}

/** Nobody listens there. */
const UNUSED = '127.255.255.254'

/**
 * Has the kernel look at each socket of a TCP port again before it lets somebody bind it. It does not
 * once all were bound with SO_REUSEPORT, and does from the moment when one without it was bound, to any
 * address. Nothing changes where a wildcard is open on the port, for then none can be.
 */
export function forgetSharing(libc: Libc, port: number): void {
  const fd = libc.socket(AF_INET, Sock.Stream | Sock.CloseOnExec, 0)
  if (fd < 0) return
  const name = Buffer.alloc(sockaddrSize(false))
  writeSockaddr(libc, name, false, UNUSED, port)
  setOption(libc, fd, FreeBind, 1)
  libc.bind(fd, name, name.length)
  libc.close(fd)
}

const one = Buffer.from(new Int32Array([1]).buffer)

/**
 * Acknowledges what a TCP socket has received at once, instead of with our next data or 40 ms later.
 * The kernel forgets the wish: this holds for what has been received so far.
 */
export function acknowledgeNow(libc: Libc, fd: number): void {
  const [level, option] = QuickAck
  libc.setsockopt(fd, level, option, one, one.length)
}

/** Switches Nagle's algorithm off for a TCP socket, and for all that a listening one accepts from then on. */
export function noDelay(libc: Libc, fd: number): void {
  setOption(libc, fd, NoDelay, 1)
}

/** SIOCOUTQ (linux/sockios.h). */
const OUTPUT_QUEUE = 0x5411
const outputQueue = Buffer.alloc(4)

/** Octets that were written to a TCP socket and not acknowledged by the other end so far. */
export function unacknowledgedBytes(libc: Libc, fd: number): number {
  return libc.ioctl(fd, OUTPUT_QUEUE, outputQueue) < 0 ? 0 : outputQueue.readInt32LE(0)
}

/** A socket address of family AF_UNSPEC. */
const nowhere = Buffer.alloc(sockaddrSize(false))

/**
 * Gives a connected UDP socket that was bound to port 0 another port of the kernel's choice: what is
 * disconnected has none, and connecting takes one, at a tenth of the price of a new socket.
 *
 * @param peer its socket address, as `writeSockaddr` writes it
 * @returns false where it is no longer connected: it is of no use then
 */
export function renewPort(libc: Libc, fd: number, peer: Uint8Array): boolean {
  if (libc.connect(fd, nowhere, nowhere.length) < 0) return false
  return libc.connect(fd, peer, peer.length) === 0
}

/** What the kernel holds for a socket. */
export interface ReceiveQueue {
  /** Memory of what has not been read, more than its payload. */
  readonly bytes: number
  /** Packets dropped since the socket was opened, because there was no room or a checksum was wrong. */
  readonly drops: number
}

/** The port a socket is bound to. Throws SyscallError. */
export function localPort(libc: Libc, fd: number): number {
  const name = Buffer.alloc(sockaddrSize(true))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(name.length)
  check(libc, 'getsockname', libc.getsockname(fd, name, length))
  return sockaddrPort(name)
}

const SocketError = [1, 4] as const

/** Takes a socket's pending error, which it reports only once; 0: there was none. */
export function takeError(libc: Libc, fd: number): number {
  const value = Buffer.alloc(4)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(value.length)
  const [level, option] = SocketError
  return libc.getsockopt(fd, level, option, value, length) < 0 ? libc.errno() : value.readInt32LE(0)
}

const MEMORY_INFO_SIZE = 9 * 4
const memoryInfo = Buffer.alloc(MEMORY_INFO_SIZE)
const memoryInfoSize = Buffer.alloc(4)

/** As /proc/net/udp has it, in 4 µs for one socket (150 for the table); null where Linux is older. */
export function receiveQueue(libc: Libc, fd: number): ReceiveQueue | null {
  const [level, option] = MemoryInfo
  memoryInfoSize.writeInt32LE(MEMORY_INFO_SIZE)
  if (libc.getsockopt(fd, level, option, memoryInfo, memoryInfoSize) < 0) return null
  return { bytes: memoryInfo.readUInt32LE(0), drops: memoryInfo.readUInt32LE(8 * 4) }
}

/** SIOCGSTAMP of 64-bit Linux: a struct timeval. */
const LAST_ARRIVAL = 0x8906
const arrival = Buffer.alloc(16)

/**
 * When the datagram that was read last had arrived, in milliseconds of Date.now(); now where the kernel
 * did not note it. It begins to with the first call, which returns null: 20 ns for each packet from then on.
 */
export function lastArrival(libc: Libc, fd: number): number | null {
  if (libc.ioctl(fd, LAST_ARRIVAL, arrival) < 0) return null
  return arrival.readUInt32LE(0) * 1_000 + arrival.readUInt32LE(8) / 1_000
}

/** TCP_INFO; of a socket that listens it tells of its queue (linux/tcp.h: tcpi_state, tcpi_unacked). */
const TcpInfo = [6, 11] as const
const TCP_LISTEN = 10
const WAITING_AT = 24
const tcpInfo = Buffer.alloc(WAITING_AT + 4)
const tcpInfoSize = Buffer.alloc(4)

/** Connections that the kernel holds for us to accept; null where this is no TCP socket that listens. */
export function acceptQueue(libc: Libc, fd: number): number | null {
  const [level, option] = TcpInfo
  tcpInfoSize.writeInt32LE(tcpInfo.length)
  if (libc.getsockopt(fd, level, option, tcpInfo, tcpInfoSize) < 0) return null
  return tcpInfo[0] === TCP_LISTEN ? tcpInfo.readUInt32LE(WAITING_AT) : null
}

function setOption(libc: Libc, fd: number, [level, option]: Option, value: number): number {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return libc.setsockopt(fd, level, option, bytes, bytes.length)
}

/** Throws SyscallError where a call has just failed: its result is negative, errno says why. */
export function check(libc: Libc, syscall: string, result: number): void {
  if (result < 0) throw new SyscallError(syscall, libc.errno())
}
