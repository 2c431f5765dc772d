import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { chooseUdpBackend } from '../../src/net/backend.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { Listeners } from '../../src/net/listeners.ts'
import { ReceiveQueues, receiveQueueMetrics } from '../../src/net/receive-queues.ts'
import type { UdpSocket } from '../../src/net/udp.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { nullLog } from '../helpers/null-log.ts'
import { waitUntil } from '../helpers/processes.ts'
import { RecordedLog } from '../telemetry/block.ts'
import { testServer } from './test-server.ts'

interface Fake extends UdpSocket {
  received: number
  queue: { bytes: number; drops: number } | null
}

function fakeSocket(address = '10.96.0.10'): Fake {
  const socket: Fake = {
    address,
    port: 53,
    fd: -1,
    begin: () => {},
    stopReading: () => {},
    received: 0,
    queue: { bytes: 0, drops: 0 },
    receiveQueue: () => socket.queue,
    drain: () => Promise.resolve(),
  }
  return socket
}

class Bench {
  readonly clock = new ManualClock()
  readonly log = new RecordedLog()
  readonly counters = new NetCounters()
  readonly sockets: Fake[]
  readonly #queues: ReceiveQueues

  constructor(...sockets: Fake[]) {
    this.sockets = sockets
    const { clock, counters, log } = this
    this.#queues = new ReceiveQueues({ sockets: () => sockets, clock, counters, log })
  }

  check(afterMs = 1_000): string | null {
    this.clock.advance(afterMs)
    return this.#queues.check()
  }
}

test('datagrams that still wait after a second in which none was read are a problem', () => {
  const socket = fakeSocket()
  const bench = new Bench(socket, fakeSocket('fd00::10'))
  assert.equal(bench.check(), null)
  socket.queue = { bytes: 768, drops: 0 }
  assert.equal(bench.check(), null, 'they may have come this moment')
  assert.equal(bench.check(), 'nothing is read from 10.96.0.10:53, where 768 bytes wait')
  socket.received++
  assert.equal(bench.check(), null)
  assert.notEqual(bench.check(), null)
  socket.queue = { bytes: 0, drops: 0 }
  assert.equal(bench.check(), null)
})

test('two checks at once are one: nothing could be read in between', () => {
  const socket = fakeSocket()
  const bench = new Bench(socket)
  socket.queue = { bytes: 768, drops: 0 }
  assert.equal(bench.check(), null)
  assert.equal(bench.check(0), null)
  assert.notEqual(bench.check(), null)
  assert.notEqual(bench.check(0), null)
})

test('a socket under more load than it can serve is healthy, and its drops are told once a minute', () => {
  const socket = fakeSocket()
  const bench = new Bench(socket)
  for (let second = 0; second <= 90; second++) {
    socket.received += 1_000
    socket.queue = { bytes: 8 * 2 ** 20, drops: 10 * second }
    assert.equal(bench.check(), null)
  }
  assert.deepEqual(bench.log.texts, [
    'warning The kernel dropped 10 UDP queries: they came faster than they were read',
    'warning The kernel dropped 600 UDP queries: they came faster than they were read',
  ])
})

test('queries that went unread are told once for each want of CPU time', () => {
  const bench = new Bench(fakeSocket())
  for (let second = 0; second < 130; second++) {
    if (second !== 0 && second < 65) bench.counters.udpLate += 64
    assert.equal(bench.check(), null)
  }
  bench.counters.udpLate += 128
  assert.equal(bench.check(), null)
  assert.deepEqual(
    bench.log.texts.map((text) => text.replace(/^warning (.+): (\d+) .*$/, '$1: $2')),
    [64, 128].map((count) => `dnslet gets too little CPU time for the queries that come: ${count}`),
  )
})

test('what was dropped before the first look is no news, and an unknown queue no problem', () => {
  const old = fakeSocket()
  old.queue = { bytes: 0, drops: 1_000 }
  const silent = fakeSocket('10.96.0.11')
  silent.queue = null
  const bench = new Bench(old, silent)
  assert.deepEqual([bench.check(), bench.check()], [null, null])
  assert.deepEqual(bench.log.texts, [])
  const shown: unknown[] = []
  const [drops, bytes] = receiveQueueMetrics(() => bench.sockets)
  drops?.collect((labels, value) => shown.push([drops.name, ...labels, value]))
  bytes?.collect((labels, value) => shown.push([bytes.name, ...labels, value]))
  assert.deepEqual(shown, [
    ['dnslet_udp_receive_drops_total', '10.96.0.10:53', 1_000],
    ['dnslet_udp_receive_queue_bytes', '10.96.0.10:53', 0],
  ])
})

const udp = chooseUdpBackend({})
test(
  'the kernel tells what waits for a real socket, and what it dropped',
  { skip: udp.name === 'batched' ? false : udp.reason },
  async (t) => {
    const clock = new ManualClock()
    const listeners = new Listeners({ udp, clock, counters: new NetCounters(), log: nullLog })
    const listener = await listeners.open('127.0.0.1', 0, testServer().dispatch)
    t.after(() => listener.drain(0))
    const [socket, ...more] = listeners.udpSockets()
    assert.deepEqual(more, [])
    assert.deepEqual(socket!.receiveQueue(), { bytes: 0, drops: 0 })
    const client = createSocket('udp4')
    t.after(() => void client.close())
    client.bind(0, '127.0.0.1')
    await once(client, 'listening')
    client.connect(listener.port, '127.0.0.1')
    await once(client, 'connect')
    // Synchronous sends: the loop does not turn, so that nobody reads meanwhile.
    for (let i = 0; i < 9_000; i++) client.send(Buffer.alloc(600))
    const full = socket!.receiveQueue()!
    assert.ok(full.bytes > 2 ** 18, `${full.bytes} bytes wait`)
    assert.ok(full.drops > 0, 'and some found no room')
    await waitUntil('an empty queue', () => socket!.receiveQueue()?.bytes === 0)
    assert.ok(socket!.received > 0)
    assert.equal(socket!.receiveQueue()!.drops, full.drops)
    await listener.drain(0)
    assert.equal(socket!.receiveQueue(), null)
    assert.deepEqual(listeners.udpSockets(), [])
  },
)
