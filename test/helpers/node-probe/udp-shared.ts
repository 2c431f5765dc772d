import type { Libc } from '../../../src/sys/libc.ts'
import { MSG_DONTWAIT, MessageVector } from '../../../src/sys/mmsg.ts'
import { AnswerReader, addressQuery } from './message.ts'
import type { Run, Sender } from './pace.ts'
import { Outcome } from './samples.ts'
import { Target, enlargeReceiveBuffer, outcomeOf, udpSocket } from './udp-socket.ts'

const BATCH = 64
const ANSWER_SIZE = 512
/** An odd multiple of 64, see MessageVector. */
const STRIDE = 576

/** One unconnected socket; sendmmsg and recvmmsg carry 64 messages a call. */
export function udpShared(libc: Libc, { options, samples }: Run): Sender {
  const target = new Target(libc, options.server)
  const query = addressQuery(options.name)
  const fd = udpSocket(libc, target.ipv6)
  enlargeReceiveBuffer(libc, fd)
  const layout = { count: BATCH, stride: STRIDE, size: ANSWER_SIZE }
  const [out, received] = [new MessageVector(libc, layout), new MessageVector(libc, layout)]
  out.setNameLength(target.length)
  for (let i = 0; i < BATCH; i++) {
    out.setName(i, target.bytes)
    query.copy(out.buffers[i]!)
    out.point(i, i, query.length)
  }
  const byId = new Int32Array(65_536).fill(-1)
  const reader = new AnswerReader()
  const answered = (i: number, now: number): void => {
    reader.read(received.buffers[i]!, received.lengthOf(i))
    const index = byId[reader.id] ?? -1
    if (index < 0) return
    const isForeign = !target.equals(received.names[i]!)
    const outcome = isForeign ? Outcome.Foreign : reader.outcome
    samples.close(index, outcome, now, reader.by, reader.ttl)
  }
  return {
    send(count, now) {
      for (let left = count; left > 0; left -= BATCH) {
        const batch = Math.min(left, BATCH)
        const first = samples.count
        for (let i = 0; i < batch; i++) {
          const index = samples.open(now)
          byId[index & 0xffff] = index
          out.buffers[i]!.writeUInt16BE(index & 0xffff, 0)
        }
        for (let sent = 0; sent < batch;) {
          const done = libc.sendmmsg(fd, out.addressOf(sent), batch - sent, MSG_DONTWAIT)
          if (done > 0) sent += done
          else samples.close(first + sent++, outcomeOf('sendmmsg', libc.errno()), now)
        }
      }
    },
    receive(now) {
      for (;;) {
        received.setNameLength(target.length)
        const count = libc.recvmmsg(fd, received.addressOf(0), BATCH, MSG_DONTWAIT, 0)
        for (let i = 0; i < count; i++) answered(i, now)
        if (count < BATCH) return
      }
    },
    close: () => void libc.close(fd),
  }
}
