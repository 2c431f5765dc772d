import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

import { NetCounters } from '../../src/net/counters.ts'
import { StandingQueue } from '../../src/net/standing-queue.ts'
import type { UdpBackend } from '../../src/net/udp.ts'
import { batchedBackend } from '../../src/net/udp-batch.ts'
import { dgramBackend } from '../../src/net/udp-dgram.ts'
import { Descriptors } from '../../src/sys/descriptors.ts'
import { libc } from '../../src/sys/libc.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { query, udpClient } from './clients.ts'
import { testServer } from './test-server.ts'

/** What becomes of batches that have waited for so long, read `stepMs` apart. */
function judged(queue: StandingQueue, waited: readonly number[], stepMs: number, from = 0): string {
  return waited.map((ms, i) => (queue.isStale(ms, from + i * stepMs) ? 'x' : '.')).join('')
}

describe('a queue that stands', () => {
  test('is late for a second without a break; what is left is fresh', () => {
    const waited = [1_100, 1_300, 1_500, 1_700, 1_900, 1_950, 1_200, 600, 251, 250, 260]
    assert.equal(judged(new StandingQueue(), waited, 250), '....xxxxx..')
  })

  test('is none after a stop: the queue is gone in time, or served younger', () => {
    const after = new StandingQueue()
    assert.equal(judged(after, [4_000, 3_000, 2_000, 1_001, 900], 300), '.....')
    const quick = new StandingQueue()
    assert.equal(judged(quick, [4_000, 3_990, 3_980, 3_970, 3_960], 200), '.....')
    quick.ended()
    assert.equal(judged(quick, [4_000, 4_000, 4_000, 4_000], 300, 1_100), '....')
    const young = new StandingQueue()
    assert.equal(judged(young, [3_000, 2_000, 1_000, 1_100, 1_100, 1_100], 400), '......')
  })

  test('is known for ten seconds: half a second is late then, and at once', () => {
    const queue = new StandingQueue()
    assert.equal(judged(queue, [2_000, 2_000, 200], 1_000), '.x.')
    assert.equal(judged(queue, [500, 501, 251, 250, 500], 1, 10_998), '.xx..')
    queue.ended()
    assert.equal(judged(queue, [501, 999, 1_001, 1_001], 1, 21_001), '....')
    assert.equal(judged(queue, [1_001], 1, 22_002), '.')
    assert.equal(judged(queue, [1_001], 1, 22_003), 'x')
  })

  test('ends with the queue', () => {
    const queue = new StandingQueue()
    assert.equal(judged(queue, [2_000, 2_000], 1_000), '.x')
    queue.ended()
    assert.equal(judged(queue, [400], 1, 2_000), '.')
  })

  test('has not been empty for a while: else the kernel need not be asked', () => {
    const queue = new StandingQueue()
    assert.deepEqual(
      [5_000, 5_250, 5_251].map((now) => queue.mayBeLate(now)),
      [false, false, true],
    )
    queue.ended()
    assert.equal(queue.mayBeLate(9_000), false)
    assert.equal(queue.isEmpty, false)
    judged(queue, [2_000, 2_000], 1_000, 9_000)
    assert.equal(queue.mayBeLate(9_001), true, 'it is being thrown away')
  })
})

const loaded = libc()
const skip = loaded.libc === null

/** A socket, a client of it, and 200 queries at once, which have waited as long as `age()` says. */
async function bench(t: TestContext, backend: UdpBackend) {
  const clock = new ManualClock()
  const counters = new NetCounters()
  const server = testServer()
  const socket = await backend.open({
    address: '127.0.0.1',
    port: 0,
    descriptors: new Descriptors(),
    dispatcher: server,
    clock,
    counters,
  })
  t.after(() => socket.drain(0))
  const client = await udpClient(t, socket)
  const rush = Array.from({ length: 200 }, (_, id) => query({ id }))
  let waited = 0
  let sent = 0
  const { now } = Date
  t.mock.method(Date, 'now', () => now() + waited)
  return {
    clock,
    counters,
    server,
    socket,
    /** Has so many of the 200 answered, each in `tookMs`, and returns their ids. */
    async rush(answers: number, waitedMs: number, tookMs: number): Promise<number[]> {
      waited = waitedMs
      server.before = () => clock.advance(tookMs)
      const before = client.replies.length
      client.send(...rush)
      await client.wait(before + answers)
      sent += rush.length
      while (socket.received < sent) await turn()
      return client.replies.slice(before).map(({ wire }) => wire.readUInt16BE(0))
    },
  }
}

test(
  'what waited in a socket too long goes unread, and the newest are answered',
  { skip },
  async (t) => {
    const it = await bench(t, batchedBackend(loaded.libc!, 'test'))
    // The kernel notes arrivals from the first look on.
    await it.rush(200, 0, 5)
    await it.rush(200, 1_500, 0)
    assert.equal(it.counters.udpLate, 0, 'a stop: it is served at once')
    // Batches of 64, 32, 16 and 8, which all take long, until one has been late for a second.
    const answered = await it.rush(200 - 72, 1_500, 20)
    assert.equal(it.counters.udpLate, 72)
    assert.equal(it.socket.received, 600)
    assert.deepEqual(
      answered,
      Array.from({ length: 200 }, (_, id) => id).filter((id) => id < 120 || id >= 192),
    )
  },
)

test('the same by node:dgram, where the C library can be called', { skip }, async (t) => {
  const it = await bench(t, dgramBackend('test'))
  await it.rush(200, 0, 0)
  await it.rush(200, 1_500, 0)
  assert.equal(it.counters.udpLate, 0, 'a stop: it is served at once')
  it.clock.advance(1_001)
  // One in eight is looked at, each 160 ms: eight are late until it has been so for a second.
  await it.rush(63, 1_500, 20)
  assert.equal(it.counters.udpLate, 137)
  it.clock.advance(1_001)
  await it.rush(200, 0, 0)
  assert.equal(it.counters.udpLate, 137, 'what was found is out of date')
})
