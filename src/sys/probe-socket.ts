import { constants } from 'node:os'
import type { Libc } from './libc.ts'
import { MSG_DONTWAIT, MSG_NOSIGNAL } from './mmsg.ts'
import { AF_INET, AF_INET6, sockaddrSize, writeSockaddr } from './sockaddr.ts'
import { check, Sock, SyscallError } from './socket.ts'

const { EAGAIN, EINPROGRESS, EINVAL } = constants.errno

const peer: Buffer = Buffer.alloc(sockaddrSize(true))

/**
 * A socket of ours that asks one of ours: connected to an address of this machine from that very address.
 * Nothing here waits, and libuv does not know of it: on the way to ourselves the kernel is through with
 * a packet when the call returns, so that an answer is there once the event loop has turned. A socket of
 * Node's for each question cost a hundred times as much CPU.
 */
export class ProbeSocket {
  readonly #libc: Libc
  readonly #fd: number

  /**
   * Throws SyscallError: EADDRNOTAVAIL where this machine has no such address, ECONNREFUSED or another
   * where it cannot connect.
   *
   * @param stream TCP instead of UDP
   */
  constructor(libc: Libc, stream: boolean, address: string, port: number) {
    const ipv6 = address.includes(':')
    const type = (stream ? Sock.Stream : Sock.Datagram) | Sock.NonBlocking | Sock.CloseOnExec
    this.#libc = libc
    this.#fd = libc.socket(ipv6 ? AF_INET6 : AF_INET, type, 0)
    check(libc, 'socket', this.#fd)
    try {
      this.#join(ipv6, address, port)
    } catch (cause) {
      this.close()
      throw cause
    }
  }

  #join(ipv6: boolean, address: string, port: number): void {
    const libc = this.#libc
    const size = sockaddrSize(ipv6)
    if (!writeSockaddr(libc, peer, ipv6, address, 0)) throw new SyscallError('bind', EINVAL)
    check(libc, 'bind', libc.bind(this.#fd, peer, size))
    peer.writeUInt16BE(port, 2)
    if (libc.connect(this.#fd, peer, size) >= 0) return
    const errno = libc.errno()
    if (errno !== EINPROGRESS) throw new SyscallError('connect', errno)
  }

  /** False where it has to be tried again: the handshake is not over. Throws SyscallError. */
  send(bytes: Buffer): boolean {
    const sent = this.#libc.send(this.#fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL)
    return this.#outcome('send', sent) >= 0
  }

  /** Octets read, 0 at the end of a stream, −1 where nothing has come so far. Throws SyscallError. */
  receive(into: Buffer): number {
    return this.#outcome('recv', this.#libc.recv(this.#fd, into, into.length, MSG_DONTWAIT))
  }

  close(): void {
    this.#libc.close(this.#fd)
  }

  #outcome(syscall: string, result: number): number {
    if (result >= 0) return result
    const errno = this.#libc.errno()
    if (errno !== EAGAIN) throw new SyscallError(syscall, errno)
    return -1
  }
}
