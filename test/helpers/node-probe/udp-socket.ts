import type { Libc } from '../../../src/sys/libc.ts'
import { AF_INET, AF_INET6, sockaddrSize, writeSockaddr } from '../../../src/sys/sockaddr.ts'
import { SyscallError } from '../../../src/sys/socket.ts'
import { Outcome } from './samples.ts'

const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33
/** A probe must not lose what the server sent. */
const RECEIVE_BUFFER = 16 << 20

const ENETUNREACH = 101
const EHOSTUNREACH = 113
const ECONNREFUSED = 111
const EINVAL = 22

/** A server's address as the kernel reads it. */
export class Target {
  readonly ipv6: boolean
  readonly bytes: Buffer
  readonly length: number

  constructor(libc: Libc, address: string, port = 53) {
    this.ipv6 = address.includes(':')
    this.length = sockaddrSize(this.ipv6)
    this.bytes = Buffer.alloc(sockaddrSize(true))
    if (!writeSockaddr(libc, this.bytes, this.ipv6, address, port)) {
      throw new Error(`Cannot ask ${address}: not an IP address`)
    }
  }

  /** Whether a datagram came from here. */
  equals(name: Buffer): boolean {
    const [from, to] = this.ipv6 ? [8, 24] : [4, 8]
    return name.compare(this.bytes, from, to, from, to) === 0 && name[3] === this.bytes[3]
  }
}

/** A UDP socket that does not block and is bound to nothing yet. Throws SyscallError. */
export function udpSocket(libc: Libc, ipv6: boolean): number {
  const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC
  const fd = libc.socket(ipv6 ? AF_INET6 : AF_INET, type, 0)
  if (fd < 0) throw new SyscallError('socket', libc.errno())
  return fd
}

/** Gives a socket room for a second of answers. Needs CAP_NET_ADMIN in its namespace. */
export function enlargeReceiveBuffer(libc: Libc, fd: number): void {
  const size = Buffer.from(new Int32Array([RECEIVE_BUFFER]).buffer)
  libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length)
}

/** The outcome of a query whose send or receive failed. Throws SyscallError for other reasons. */
export function outcomeOf(syscall: string, errno: number): Outcome {
  switch (errno) {
    case ECONNREFUSED:
      return Outcome.Refused
    // EINVAL: a connected socket whose own address is gone, where its route still says to use it.
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EINVAL:
      return Outcome.Unreachable
    default:
      throw new SyscallError(syscall, errno)
  }
}
