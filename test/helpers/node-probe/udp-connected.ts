import type { Libc } from '../../../src/sys/libc.ts'
import { SyscallError } from '../../../src/sys/socket.ts'
import { AnswerReader, addressQuery } from './message.ts'
import type { Run, Sender } from './pace.ts'
import { Outcome } from './samples.ts'
import { Target, enlargeReceiveBuffer, outcomeOf, udpSocket } from './udp-socket.ts'

const EAGAIN = 11

/** Long-lived connected sockets, in turn: what a resolver that keeps its socket sees. */
export function udpConnected(libc: Libc, { options, samples }: Run): Sender {
  const target = new Target(libc, options.server)
  const query = addressQuery(options.name)
  const answer = Buffer.alloc(512)
  const reader = new AnswerReader()
  const byId = new Int32Array(65_536).fill(-1)
  const sockets = Array.from({ length: options.connections }, () => {
    const fd = udpSocket(libc, target.ipv6)
    enlargeReceiveBuffer(libc, fd)
    if (libc.connect(fd, target.bytes, target.length) < 0) {
      throw new SyscallError('connect', libc.errno())
    }
    return { fd, latest: -1 }
  })
  type Socket = (typeof sockets)[number]
  /** An error that came back belongs to an earlier query, most likely the latest on this socket. */
  const failLatest = (socket: Socket, outcome: Outcome, now: number): void => {
    if (socket.latest >= 0) samples.close(socket.latest, outcome, now)
  }
  const sendOn = (socket: Socket, now: number): void => {
    const index = samples.open(now)
    byId[index & 0xffff] = index
    query.writeUInt16BE(index & 0xffff, 0)
    let sent = libc.send(socket.fd, query, query.length, 0)
    if (sent < 0) {
      const outcome = outcomeOf('send', libc.errno())
      if (outcome === Outcome.Refused) {
        // Reported once, then the socket sends again.
        failLatest(socket, outcome, now)
        sent = libc.send(socket.fd, query, query.length, 0)
      }
      if (sent < 0) samples.close(index, outcome, now)
    }
    socket.latest = index
  }
  const drain = (socket: Socket, now: number): void => {
    for (;;) {
      const length = libc.recv(socket.fd, answer, answer.length, 0)
      if (length < 0) {
        const errno = libc.errno()
        if (errno === EAGAIN) return
        failLatest(socket, outcomeOf('recv', errno), now)
        continue
      }
      reader.read(answer, length)
      const index = byId[reader.id] ?? -1
      if (index >= 0) samples.close(index, reader.outcome, now, reader.by, reader.ttl)
    }
  }
  return {
    send(count, now) {
      for (let i = 0; i < count; i++) sendOn(sockets[samples.count % sockets.length]!, now)
    },
    receive(now) {
      for (const socket of sockets) drain(socket, now)
    },
    close() {
      for (const { fd } of sockets) libc.close(fd)
    },
  }
}
