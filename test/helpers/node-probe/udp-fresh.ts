import type { Libc } from '../../../src/sys/libc.ts'
import { Epoll } from './epoll.ts'
import { AnswerReader, addressQuery } from './message.ts'
import type { Run, Sender } from './pace.ts'
import { LOST_AFTER_MS, Outcome } from './samples.ts'
import { Target, outcomeOf, udpSocket } from './udp-socket.ts'

/** Below the usual limit of descriptors. Beyond it the oldest query is given up before its time. */
const MAX_OPEN = 16_000

/** A connected socket for each query, closed with its answer. */
export function udpFresh(libc: Libc, { options, samples }: Run): Sender {
  const target = new Target(libc, options.server)
  const query = addressQuery(options.name)
  const answer = Buffer.alloc(512)
  const reader = new AnswerReader()
  const epoll = new Epoll()
  /** The query of an open descriptor, and the descriptor of a query. */
  const byFd = new Int32Array(65_536).fill(-1)
  const fds = new Int32Array(samples.sent.length).fill(-1)
  let oldest = 0

  const end = (index: number, outcome: Outcome, now: number, by = 0, ttl = 0): void => {
    libc.close(fds[index]!)
    fds[index] = -1
    samples.close(index, outcome, now, by, ttl)
  }
  const giveUp = (now: number): void => {
    for (; oldest < samples.count; oldest++) {
      if (fds[oldest] === -1) continue
      const isDue = now - samples.sent[oldest]! > LOST_AFTER_MS || samples.pending > MAX_OPEN
      if (!isDue) return
      end(oldest, Outcome.Lost, now)
    }
  }
  const sendOne = (now: number): void => {
    const index = samples.open(now)
    const fd = udpSocket(libc, target.ipv6)
    fds[index] = fd
    byFd[fd] = index
    query.writeUInt16BE(index & 0xffff, 0)
    if (libc.connect(fd, target.bytes, target.length) < 0) {
      end(index, outcomeOf('connect', libc.errno()), now)
    } else if (libc.send(fd, query, query.length, 0) < 0) {
      end(index, outcomeOf('send', libc.errno()), now)
    } else epoll.add(fd)
  }
  return {
    send(count, now) {
      giveUp(now)
      for (let i = 0; i < count; i++) sendOne(now)
    },
    receive(now) {
      for (let i = 0, count = epoll.wait(); i < count; i++) {
        const index = byFd[epoll.ready[i]!]!
        const length = libc.recv(fds[index]!, answer, answer.length, 0)
        if (length < 0) end(index, outcomeOf('recv', libc.errno()), now)
        else {
          reader.read(answer, length)
          end(index, reader.outcome, now, reader.by, reader.ttl)
        }
      }
    },
    close() {
      for (const fd of fds.subarray(oldest, samples.count)) {
        if (fd !== -1) libc.close(fd)
      }
    },
  }
}
