import type { Libc } from '../sys/libc.ts'
import { BatchedSocket } from './batched-socket.ts'
import { RECEIVE_BUFFER, type UdpBackend } from './udp.ts'

/**
 * UDP with a system call for 64 datagrams instead of one. libuv tells that a socket has some;
 * recvmmsg reads them and sendmmsg sends all their replies.
 */
export function batchedBackend(libc: Libc, reason: string): UdpBackend {
  return {
    name: 'batched',
    reason,
    open: (options) =>
      options.descriptors.udp(
        options,
        RECEIVE_BUFFER,
        (fd, waits) => new BatchedSocket(libc, fd, waits, options),
      ),
  }
}
