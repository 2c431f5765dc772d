import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { blockFor } from '../../src/lib/clock.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { ReadAhead, readAhead } from '../../src/net/read-ahead.ts'
import { batchedBackend } from '../../src/net/udp-batch.ts'
import type { UdpSocket } from '../../src/net/udp.ts'
import type { Query } from '../../src/serve/query.ts'
import { Descriptors } from '../../src/sys/descriptors.ts'
import { libc } from '../../src/sys/libc.ts'
import { clientSockaddr } from '../../src/sys/sockaddr.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { queryFrom, strangers } from '../serve/strangers.ts'
import { query, udpClient, type UdpClient } from './clients.ts'
import { isIntact, testServer, type TestServer } from './test-server.ts'

/** Of clients that share a counter one waits for the other. */
const [POD, FLOOD] = strangers(2, '127.0.0') as [string, string]
const [ONE, OTHER] = strangers(2) as [string, string]
const loaded = libc()
const skip = loaded.libc === null

/** How many of so many datagrams are kept. */
function kept(ahead: ReadAhead, q: Query, count: number, wire: Buffer = Buffer.of(1)): number {
  return Array.from({ length: count }, () => ahead.keep(q, wire, wire.length)).filter(Boolean)
    .length
}

test('sixteen queries of each client are served at once, the others wait in their order', () => {
  const ahead = new ReadAhead()
  assert.ok(ahead.begin(ahead))
  assert.equal(kept(ahead, queryFrom(ONE), 16), 0)
  assert.ok(ahead.keep(queryFrom(ONE), Buffer.of(1, 2, 3), 3))
  assert.ok(ahead.keep(queryFrom(ONE), Buffer.of(4, 5), 1))
  assert.equal(kept(ahead, queryFrom(OTHER), 16), 0)

  // In the next turn as well: who has some here does not overtake himself.
  ahead.begin(ahead)
  assert.ok(ahead.keep(queryFrom(ONE), Buffer.of(6), 1))
  assert.equal(kept(ahead, queryFrom(OTHER), 16), 0)
  const taken = Array.from({ length: 3 }, () => {
    const q = queryFrom('10.9.9.9')
    ahead.take(q, 7)
    assert.deepEqual([q.receivedAt, q.client], [7, clientSockaddr(ONE, 1)])
    return [...q.wire.subarray(0, q.length)]
  })
  assert.deepEqual(taken, [[1, 2, 3], [4], [6]])
  ahead.begin(ahead)
  assert.equal(kept(ahead, queryFrom(ONE), 16), 0, 'none is here any more')
})

test('there is room for 1,024, of 320 octets each; what does not fit is served', () => {
  const ahead = new ReadAhead()
  ahead.begin(ahead)
  const q = queryFrom(ONE)
  assert.equal(kept(ahead, q, 20, Buffer.alloc(321)), 0)
  assert.equal(kept(ahead, q, 1, Buffer.alloc(320)), 1)
  assert.equal(kept(ahead, q, 959), 959)
  assert.deepEqual([ahead.takesMore(0), ahead.takesMore(1024)], [true, false])
  assert.equal(kept(ahead, q, 100), 64)
  assert.equal(ahead.takesMore(0), false)
  for (let i = 0; i < 1024; i++) {
    ahead.take(q, 0)
    ahead.keep(q, Buffer.from([i % 251]), 1)
  }
  ahead.take(q, 0)
  assert.equal(q.wire[0], 0, 'in a ring')
})

test('one socket has the room, as long as it has something there', () => {
  const ahead = new ReadAhead()
  const one = {}
  const other = {}
  assert.ok(ahead.begin(one))
  assert.equal(kept(ahead, queryFrom(ONE), 17), 1)
  ahead.end()
  assert.deepEqual([ahead.begin(other), ahead.begin(one)], [false, true])
  ahead.leave(other)
  assert.equal(ahead.begin(other), false)
  ahead.leave(one)
  assert.ok(ahead.begin(other))
  assert.equal(kept(ahead, queryFrom(ONE), 16), 0)
  ahead.end()
  assert.ok(ahead.begin(one))
})

async function open(t: TestContext, server: TestServer): Promise<UdpSocket> {
  const socket = await batchedBackend(loaded.libc!, 'test').open({
    address: '127.0.0.1',
    port: 0,
    descriptors: new Descriptors(),
    dispatcher: server,
    // Each batch takes no time, however busy the machine is.
    clock: new ManualClock(),
    counters: new NetCounters(),
  })
  t.after(() => socket.drain(0))
  return socket
}

/** Queries of one client, in one queue with those of others. */
function flood(first: number, count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => query({ id: first + i }))
}

test('who asks once is answered before a flood that came first', { skip }, async (t) => {
  const server = testServer()
  const socket = await open(t, server)
  const served: number[] = []
  server.before = ({ wire }) => served.push(wire.readUInt16BE(0))
  const pod = await udpClient(t, socket, POD)
  const noisy = await udpClient(t, socket, FLOOD)
  noisy.send(...flood(0, 1000))
  pod.send(query({ id: 60_000 }))
  noisy.send(...flood(1000, 1000))
  await noisy.wait(2000)
  await pod.wait(1)
  const at = served.indexOf(60_000)
  // A turn, and the sixteen that its client may have of the next.
  assert.ok(at <= 128 + 16, `as number ${at}`)
  const others = served.filter((id) => id !== 60_000)
  assert.deepEqual(
    others,
    others.map((_, i) => i),
  )
  const answered = noisy.replies.map(({ wire }) => wire.readUInt16BE(0))
  assert.deepEqual(
    answered.toSorted((a, b) => a - b),
    others,
  )
  assert.ok(noisy.replies.every(({ wire }) => isIntact(wire, wire.readUInt16BE(0))))
  assert.equal(readAhead.owner, null)
})

/** Drains a socket while some of a flood wait: at the 200th of 1,000. */
async function drainInFlood(
  t: TestContext,
  graceMs: number,
  then: () => void = () => {},
): Promise<UdpClient> {
  const server = testServer()
  const socket = await open(t, server)
  const noisy = await udpClient(t, socket, FLOOD)
  let waited = 0
  const drained = Promise.withResolvers<void>()
  let served = 0
  server.before = () => {
    if (++served !== 200) return
    waited = readAhead.size
    drained.resolve(socket.drain(graceMs))
    then()
  }
  noisy.send(...flood(0, 1000))
  await noisy.wait(200)
  await drained.promise
  assert.equal(waited, 1000 - 200)
  assert.equal(readAhead.owner, null)
  return noisy
}

test(
  'a socket that closes answers what was read ahead, while there is time',
  { skip },
  async (t) => {
    const noisy = await drainInFlood(t, 20_000)
    await noisy.wait(1000)
  },
)

test('and forgets it, where there is none', { skip }, async (t) => {
  // Its millisecond is over before the next turn.
  await drainInFlood(t, 0, () => blockFor(3))
})
