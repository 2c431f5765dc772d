import { constants } from 'node:os'
import type { Libc } from './libc.ts'
import { MSG_DONTWAIT, MSG_TRUNC } from './mmsg.ts'
import { AF_NETLINK, Nlm, netlinkMessage, NLMSG_ERROR, readMessages } from './netlink-message.ts'
import { check, Sock, SyscallError } from './socket.ts'

const NETLINK_ROUTE = 0
const NLMSG_DONE = 3

/** The kernel makes no larger datagrams than this unless the first read asks for them. */
const BUFFER_SIZE = 32 * 1024

/**
 * Requests to the kernel's routing tables and their answers, one at a time. The kernel works
 * while we send and has answered before send() returns, so that nothing here ever waits.
 */
export class NetlinkSocket {
  readonly #libc: Libc
  readonly #fd: number
  readonly #buffer = Buffer.alloc(BUFFER_SIZE)
  #sequence = 0

  /** Throws SyscallError. */
  constructor(libc: Libc) {
    this.#libc = libc
    this.#fd = libc.socket(AF_NETLINK, Sock.Raw | Sock.CloseOnExec, NETLINK_ROUTE)
    check(libc, 'socket', this.#fd)
  }

  /**
   * The payloads of the answers, none where the kernel only acknowledges. Throws SyscallError with
   * the kernel's verdict.
   *
   * @param name of the request in errors, such as `RTM_NEWADDR`
   * @param parts as of `netlinkMessage`
   */
  request(name: string, type: number, flags: number, ...parts: readonly Buffer[]): Buffer[] {
    const sequence = ++this.#sequence
    const message = netlinkMessage(type, flags | Nlm.Request | Nlm.Ack, sequence, parts)
    check(this.#libc, name, this.#libc.send(this.#fd, message, message.length, MSG_DONTWAIT))
    const replies: Buffer[] = []
    while (true) {
      for (const reply of readMessages(this.#receive(name))) {
        // What an earlier request left behind when it failed halfway.
        if (reply.sequence !== sequence) continue
        if (reply.type === NLMSG_ERROR || reply.type === NLMSG_DONE) {
          const errno = -reply.payload.readInt32LE(0)
          if (errno !== 0) throw new SyscallError(name, errno)
          return replies
        }
        replies.push(reply.payload)
      }
    }
  }

  close(): void {
    this.#libc.close(this.#fd)
  }

  /** A copy of the next datagram: payloads outlive it. */
  #receive(name: string): Buffer {
    const length = this.#libc.recv(this.#fd, this.#buffer, BUFFER_SIZE, MSG_DONTWAIT | MSG_TRUNC)
    check(this.#libc, name, length)
    if (length > BUFFER_SIZE) throw new SyscallError(name, constants.errno.EMSGSIZE)
    return Buffer.from(this.#buffer.subarray(0, length))
  }
}
