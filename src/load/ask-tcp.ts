import { connect } from 'node:net'
import type { Endpoint } from '../lib/address.ts'
import { framed, FrameReader } from '../wire/frame.ts'
import { Deadline } from './deadline.ts'
import { type Asked, type Reply, readReply } from './message.ts'
import type { PacketCounts } from './packet-counts.ts'

/** What came of it: a reply for each question, or the error's name and the replies there were. */
export type TcpDone = (error: string | null, replies: readonly (Reply | null)[]) => void

const scratch = Buffer.allocUnsafeSlow(65_535)

/**
 * Asks a server over a TCP connection of its own, all questions in one write, and closes it when all are
 * answered, in whatever order.
 *
 * @param timeoutMs from the beginning to the last answer; `done` hears of ETIMEDOUT then
 * @returns what gives it up: `done` is not called then
 */
export function askTcp(
  server: Endpoint,
  asked: readonly Asked[],
  timeoutMs: number,
  packets: PacketCounts,
  done: TcpDone,
): () => void {
  const socket = connect({ host: server.host, port: server.port, noDelay: true })
  const replies: (Reply | null)[] = asked.map(() => null)
  let ended = false
  const end = (error: string | null): void => {
    if (ended) return
    ended = true
    deadline.clear()
    socket.destroy()
    done(error, replies)
  }
  const deadline = new Deadline()
  deadline.set(timeoutMs, () => end('ETIMEDOUT'))
  const reader = new FrameReader(scratch)
  packets.connections++
  packets.sent += asked.length
  socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'EIO'))
  socket.on('close', () => end('ECONNRESET'))
  socket.on('data', (chunk) => {
    reader.push(chunk, (bytes, length) => {
      packets.received++
      const at = asked.findIndex((one, i) => replies[i] === null && matches(bytes, length, one, i))
      if (at < 0) packets.rejected++
    })
    if (replies.every((reply) => reply !== null)) end(null)
  })
  const matches = (bytes: Buffer, length: number, one: Asked, i: number): boolean => {
    replies[i] = readReply(bytes, length, one)
    return replies[i] !== null
  }
  socket.write(Buffer.concat(asked.map(({ query }) => framed(query))))
  return () => {
    ended = true
    deadline.clear()
    socket.destroy()
  }
}
