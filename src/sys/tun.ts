import type { Libc } from './libc.ts'
import { textOf } from './netlink-message.ts'
import { check } from './socket.ts'

const O_RDWR_CLOEXEC = 0o2 | 0o2000000
const TUNSETIFF = 0x400454ca
const TUNGETIFF = 0x800454d2
/** Packets without Ethernet and without a header of the driver's own; several descriptors at once. */
const IFF_TUN_NO_PI_MULTI_QUEUE = 0x0001 | 0x1000 | 0x0100

/** sizeof(struct ifreq); the name takes 16 octets with its zero, the flags follow. */
const IFREQ_SIZE = 40
const FLAGS_AT = 16

/** Characters that the name of a link may have. */
export const LINK_NAME_LENGTH = 15

/**
 * Creates a TUN device of this name, or attaches to the one that is there. It never outlives the
 * last descriptor, so that the kernel removes it, and its addresses, when the process dies. Several
 * processes can hold it at once: IFF_MULTI_QUEUE. The caller closes the descriptor, and no child
 * inherits it. Throws SyscallError: EBUSY where the name is taken, EINVAL where it is a TUN with
 * other flags.
 */
export function openTun(libc: Libc, name: string): number {
  const fd = libc.open('/dev/net/tun', O_RDWR_CLOEXEC, 0)
  check(libc, 'open /dev/net/tun', fd)
  const request = Buffer.alloc(IFREQ_SIZE)
  request.write(name, 0, LINK_NAME_LENGTH, 'latin1')
  request.writeUInt16LE(IFF_TUN_NO_PI_MULTI_QUEUE, FLAGS_AT)
  try {
    check(libc, 'TUNSETIFF', libc.ioctl(fd, TUNSETIFF, request))
  } catch (cause) {
    libc.close(fd)
    throw cause
  }
  return fd
}

/** The name of the device behind a descriptor of another process's `openTun`. Throws SyscallError. */
export function tunName(libc: Libc, fd: number): string {
  const request = Buffer.alloc(IFREQ_SIZE)
  check(libc, 'TUNGETIFF', libc.ioctl(fd, TUNGETIFF, request))
  return textOf(request.subarray(0, FLAGS_AT))
}
