import { constants } from 'node:os'
import type { Libc } from './libc.ts'
import { MSG_DONTWAIT, MSG_NOSIGNAL } from './mmsg.ts'
import { AF_INET, AF_INET6 } from './sockaddr.ts'
import { errnoName, Sock, SyscallError } from './socket.ts'

const AF_UNIX = 1
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
/** Socket options. */
const Query = { Type: 3, PeerCredentials: 17, AcceptsConnections: 30, Domain: 39 } as const
const MSG_CTRUNC = 0x8
const MSG_CMSG_CLOEXEC = 0x40000000
const F_DUPFD_CLOEXEC = 1030
/** `sun_path` without its final NUL. */
const MAX_PATH = 107

/** Descriptors of one message: the kernel's limit. */
export const DESCRIPTORS_PER_MESSAGE = 253
/** Octets that one call sends or receives at most. */
const DATA_SIZE = 65_536

/**
 * One message in native memory (64-bit Linux), made once and used by every call:
 *
 *   0    msghdr    name 8 | name length 8 | iov ─▶ 64 | iov length 8 | control ─▶ 80 | its length 8 | flags
 *   64   iovec     base ─▶ 1120 | length 8
 *   80   cmsghdr   length 8 | level 4 | type 4 | descriptors: 4 each
 *   1120 data
 */
const At = { Iov: 16, IovLength: 24, Control: 32, ControlLength: 40, Flags: 48 } as const
const IOVEC = 64
const CONTROL = 80
const CONTROL_HEAD = 16
const DATA = 1120

interface Message {
  readonly address: number
  readonly bytes: Buffer
}

let made: Message | null = null

function message(libc: Libc): Message {
  if (made !== null) return made
  const memory = libc.allocate(DATA + DATA_SIZE)
  const bytes = Buffer.from(memory.bytes)
  const point = (at: number, offset: number): void => {
    bytes.writeBigUInt64LE(BigInt(memory.address + offset), at)
  }
  point(At.Iov, IOVEC)
  bytes.writeUInt32LE(1, At.IovLength)
  point(At.Control, CONTROL)
  point(IOVEC, DATA)
  made = { address: memory.address, bytes }
  return made
}

/** What a socket call returned that would have had to wait. */
export const WOULD_BLOCK = -1

/**
 * Sends octets over a unix stream socket, and with the first of them copies of descriptors, 253 at
 * most. Returns how many octets the kernel took, at least 1, or WOULD_BLOCK, and then no descriptor
 * went either. Throws SyscallError.
 */
export function sendWithDescriptors(
  libc: Libc,
  fd: number,
  octets: Uint8Array,
  descriptors: readonly number[],
): number {
  const { address, bytes } = message(libc)
  const count = Math.min(descriptors.length, DESCRIPTORS_PER_MESSAGE)
  const length = Math.min(octets.length, DATA_SIZE)
  bytes.set(octets.subarray(0, length), DATA)
  bytes.writeUInt32LE(length, IOVEC + 8)
  bytes.writeUInt32LE(count === 0 ? 0 : CONTROL_HEAD + 4 * count, At.ControlLength)
  bytes.writeUInt32LE(CONTROL_HEAD + 4 * count, CONTROL)
  bytes.writeUInt32LE(0, CONTROL + 4)
  bytes.writeUInt32LE(SOL_SOCKET, CONTROL + 8)
  bytes.writeUInt32LE(SCM_RIGHTS, CONTROL + 12)
  for (let i = 0; i < count; i++) {
    bytes.writeInt32LE(descriptors[i]!, CONTROL + CONTROL_HEAD + 4 * i)
  }
  return orWouldBlock(libc, 'sendmsg', libc.sendmsg(fd, address, MSG_DONTWAIT | MSG_NOSIGNAL))
}

/**
 * Receives octets from a unix stream socket: a copy of 64 KiB of them at most, none at the end of
 * the stream, or null where there is nothing yet. Descriptors that came with them, closed on exec, are
 * added to `descriptors` and are the caller's from then on; null for `descriptors` refuses them.
 * Throws SyscallError.
 */
export function receiveWithDescriptors(
  libc: Libc,
  fd: number,
  descriptors: number[] | null,
): Buffer | null {
  const { address, bytes } = message(libc)
  const room = descriptors === null ? 0 : CONTROL_HEAD + 4 * DESCRIPTORS_PER_MESSAGE
  bytes.writeUInt32LE(DATA_SIZE, IOVEC + 8)
  bytes.writeUInt32LE(room, At.ControlLength)
  const flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC
  const received = orWouldBlock(libc, 'recvmsg', libc.recvmsg(fd, address, flags))
  if (received === WOULD_BLOCK) return null
  if (descriptors !== null) readDescriptors(bytes, descriptors)
  return Buffer.copyBytesFrom(bytes, DATA, received)
}

function readDescriptors(bytes: Buffer, descriptors: number[]): void {
  const control = bytes.readUInt32LE(At.ControlLength)
  if (control < CONTROL_HEAD) return
  const isRights =
    bytes.readUInt32LE(CONTROL + 8) === SOL_SOCKET &&
    bytes.readUInt32LE(CONTROL + 12) === SCM_RIGHTS
  if (!isRights) return
  const end = CONTROL + Math.min(bytes.readUInt32LE(CONTROL), control)
  for (let at = CONTROL + CONTROL_HEAD; at + 4 <= end; at += 4) {
    descriptors.push(bytes.readInt32LE(at))
  }
  // Those the kernel had to leave out are lost: what is listed no longer fits what came.
  if ((bytes.readUInt32LE(At.Flags) & MSG_CTRUNC) !== 0) throw new SyscallError('recvmsg', EMFILE)
}

const { EINVAL, EMFILE } = constants.errno

/** A stream socket connected to the unix socket at `path`, not blocking. Throws SyscallError. */
export function connectUnix(libc: Libc, path: string): number {
  const name = Buffer.from(`\0\0${path}\0`)
  if (name.length > 2 + MAX_PATH + 1) throw new SyscallError('connect', EINVAL)
  name.writeUInt16LE(AF_UNIX)
  const fd = libc.socket(AF_UNIX, Sock.Stream | Sock.NonBlocking | Sock.CloseOnExec, 0)
  if (fd < 0) throw new SyscallError('socket', libc.errno())
  if (libc.connect(fd, name, name.length) < 0) {
    const errno = libc.errno()
    libc.close(fd)
    throw new SyscallError('connect', errno)
  }
  return fd
}

/** Who is at the other end of a unix socket, as it was when it connected or listened. */
export interface PeerCredentials {
  /** 0 where it lives in a process namespace that we cannot see. */
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

/** Asks the kernel, which the peer cannot deceive. Throws SyscallError. */
export function peerCredentials(libc: Libc, fd: number): PeerCredentials {
  const value = option(libc, fd, Query.PeerCredentials, 12)
  return { pid: value.readInt32LE(0), uid: value.readUInt32LE(4), gid: value.readUInt32LE(8) }
}

/** Whether a descriptor is an IP socket of datagrams (`udp`), one that listens (`tcp`), or neither. */
export function socketProtocol(libc: Libc, fd: number): 'udp' | 'tcp' | null {
  try {
    const domain = option(libc, fd, Query.Domain, 4).readInt32LE()
    if (domain !== AF_INET && domain !== AF_INET6) return null
    const type = option(libc, fd, Query.Type, 4).readInt32LE()
    if (type !== Sock.Stream) return type === Sock.Datagram ? 'udp' : null
    return option(libc, fd, Query.AcceptsConnections, 4).readInt32LE() === 1 ? 'tcp' : null
  } catch {
    return null
  }
}

/** A second descriptor of the same open file, closed on exec. Throws SyscallError. */
export function duplicate(libc: Libc, fd: number): number {
  const copy = libc.fcntl(fd, F_DUPFD_CLOEXEC, 0)
  if (copy < 0) throw new SyscallError('fcntl', libc.errno())
  return copy
}

function option(libc: Libc, fd: number, name: number, size: number): Buffer {
  const value = Buffer.alloc(size)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(size)
  if (libc.getsockopt(fd, SOL_SOCKET, name, value, length) < 0) {
    throw new SyscallError('getsockopt', libc.errno())
  }
  return value
}

function orWouldBlock(libc: Libc, syscall: string, result: number): number {
  if (result >= 0) return result
  const errno = libc.errno()
  const name = errnoName(errno)
  if (name === 'EAGAIN' || name === 'EINTR') return WOULD_BLOCK
  throw new SyscallError(syscall, errno)
}
