import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'

import { libc } from '../../src/sys/libc.ts'
import { MessageVector, MSG_DONTWAIT } from '../../src/sys/mmsg.ts'
import { SegmentPlan } from '../../src/sys/segments.ts'
import { writeSockaddr } from '../../src/sys/sockaddr.ts'
import { bindUdp } from '../../src/sys/socket.ts'

const { libc: library, reason } = libc()
const COUNT = 64

async function receiver(): Promise<{ socket: Socket; port: number; received: Buffer[] }> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 2 ** 20 })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const received: Buffer[] = []
  socket.on('message', (message) => received.push(message))
  return { socket, port: socket.address().port, received }
}

describe('SegmentPlan', { skip: library === null ? reason : false }, () => {
  test('every message arrives whole at its destination, whatever is put together', async (t) => {
    const receivers = await Promise.all([receiver(), receiver(), receiver()])
    const fd = bindUdp(library!, {
      address: '127.0.0.1',
      port: 0,
      freeBind: false,
      receiveBuffer: 65_536,
    })
    t.after(() => {
      library!.close(fd)
      for (const { socket } of receivers) socket.close()
    })
    const vector = new MessageVector(library!, { count: COUNT, stride: 2048, size: 2048 })
    vector.setNameLength(16)
    const plan = new SegmentPlan(library!, vector)
    const names = receivers.map(({ port }) => {
      const name = Buffer.alloc(28)
      assert.ok(writeSockaddr(library!, name, false, '127.0.0.1', port))
      return name
    })
    const messages = fc.array(
      fc.record({
        to: fc.nat({ max: receivers.length - 1 }),
        size: fc.oneof(fc.constantFrom(40, 90), fc.integer({ min: 1, max: 2048 })),
      }),
      { minLength: 1, maxLength: COUNT },
    )
    await fc.assert(
      fc.asyncProperty(messages, async (sent) => {
        for (const { received } of receivers) received.length = 0
        sent.forEach(({ to, size }, i) => {
          vector.buffers[i]!.fill(i + 1, 0, size)
          vector.setName(i, names[to]!)
          vector.point(i, i, size)
        })
        const planned = plan.make(sent.length)
        assert.equal(plan.messagesBefore(planned), sent.length)
        assert.equal(library!.sendmmsg(fd, plan.addressOf(0), planned, MSG_DONTWAIT), planned)
        const count = (): number => receivers.reduce((n, { received }) => n + received.length, 0)
        while (count() < sent.length) await nextTurn()
        receivers.forEach(({ received }, to) => {
          const expected = sent.flatMap((m, i) => (m.to === to ? [`${i + 1}×${m.size}`] : []))
          const got = received.map((m) => `${m[0]}×${m.length}`)
          assert.deepEqual(new Set(got), new Set(expected))
          for (const m of received) assert.ok(m.every((octet) => octet === m[0]))
        })
      }),
      { numRuns: 60 },
    )
  })

  test('messages to one destination become few, the others stay alone', () => {
    const vector = new MessageVector(library!, { count: COUNT, stride: 64, size: 64 })
    vector.setNameLength(16)
    const plan = new SegmentPlan(library!, vector)
    const put = (i: number, port: number, size: number): void => {
      const name = Buffer.alloc(16)
      name.writeUInt16BE(port, 2)
      vector.setName(i, name)
      vector.point(i, 0, size)
    }
    const sizes = [60, 90, 60, 90, 30, 90]
    sizes.forEach((size, i) => put(i, 1, size))
    put(6, 2, 60)
    // 90 90 90 60, 60 30, and the other one.
    assert.equal(plan.make(7), 3)
    assert.deepEqual(
      [1, 2, 3].map((n) => plan.messagesBefore(n)),
      [4, 6, 7],
    )
  })
})
