import type { Libc } from '../../src/sys/libc.ts'

/** The attribute that says of which kind a link is. All of these take the same room. */
const attribute = {
  dummy: Buffer.from('\x0a\0\x01\0dummy\0\0\0', 'latin1'),
  bridge: Buffer.from('\x0b\0\x01\0bridge\0\0', 'latin1'),
  absent: Buffer.from('\x0b\0\x01\0absent\0\0', 'latin1'),
} as const

const EPERM = 1

/**
 * A C library whose kernel has bridges for dummies, or none at all (`absent`), or none for us
 * (`denied`): the one we run on may or may not have dummies.
 *
 * @param tunErrno what opening /dev/net/tun fails with; 0 where it succeeds
 */
export function dummyStandIn(
  libc: Libc,
  dummy: 'bridge' | 'absent' | 'denied',
  tunErrno: number,
): Libc {
  const stand = dummy === 'denied' ? 'absent' : dummy
  let errno = 0
  const noted = (result: number): number => {
    if (result < 0) errno = libc.errno()
    return result
  }
  return {
    ...libc,
    open(path, flags, mode) {
      if (tunErrno === 0 || path !== '/dev/net/tun') return noted(libc.open(path, flags, mode))
      errno = tunErrno
      return -1
    },
    ioctl: (fd, request, argument) => noted(libc.ioctl(fd, request, argument)),
    send(fd, bytes, length, flags) {
      if (dummy === 'denied' && Buffer.from(bytes).includes(attribute.dummy)) {
        errno = EPERM
        return -1
      }
      const message = swap(Buffer.from(bytes), attribute.dummy, attribute[stand])
      return noted(libc.send(fd, message, length, flags))
    },
    recv(fd, bytes, length, flags) {
      const received = noted(libc.recv(fd, bytes, length, flags))
      swap(bytes.subarray(0, Math.max(received, 0)), attribute[stand], attribute.dummy)
      return received
    },
    errno: () => errno,
  }
}

function swap(message: Buffer, from: Buffer, to: Buffer): Buffer {
  const at = message.indexOf(from)
  if (at >= 0) message.set(to, at)
  return message
}
