import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { describe, test } from 'node:test'

import fc from 'fast-check'

import { ByteBudget } from '../../src/lib/byte-budget.ts'
import { NodeStream } from '../../src/net/client-stream.ts'
import { NetCounters, TcpEnd } from '../../src/net/counters.ts'
import { TcpConnection } from '../../src/net/tcp-connection.ts'
import {
  DEFAULT_LIMITS,
  FIRST_MESSAGE_MS,
  IDLE_MS,
  MAX_IN_FLIGHT,
  MAX_QUERY,
  MAX_SOCKETS,
  MAX_UNSENT,
  RETIRED_IDLE_MS,
  RETIRED_MS,
  WRITE_MS,
} from '../../src/net/tcp-limits.ts'
import type { TcpShared } from '../../src/net/tcp-shared.ts'
import { openTcp, type TcpListener } from '../../src/net/tcp.ts'
import { Query } from '../../src/serve/query.ts'
import { Descriptors, type DescriptorsOptions } from '../../src/sys/descriptors.ts'
import { requireTools } from '../helpers/debian.ts'
import { dig, kdig } from '../helpers/dig.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import type { Owner } from '../helpers/processes.ts'
import { eventually } from '../helpers/eventually.ts'
import { frame, query, tcpClient, without } from './clients.ts'
import { packets } from './corpus.ts'
import { isIntact, type TestServer, testServer } from './test-server.ts'

interface Started {
  readonly address: string
  readonly port: number
  readonly listener: TcpListener
  readonly server: TestServer
  readonly counters: NetCounters
  readonly clock: ManualClock
}

async function start(
  owner: Owner,
  host = '127.0.0.1',
  options: DescriptorsOptions = {},
): Promise<Started> {
  const server = testServer()
  const counters = new NetCounters()
  const clock = new ManualClock()
  const descriptors = new Descriptors(options)
  const parts = { descriptors, dispatcher: server, clock, counters }
  const listener = await openTcp({ host, port: 0, ...parts })
  owner.after(() => listener.drain(0))
  const address = host === '' ? '127.0.0.1' : host
  return { address, port: listener.port, listener, server, counters, clock }
}

function ids(replies: readonly Buffer[]): number[] {
  return replies.map((wire) => wire.readUInt16BE(0))
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i)
}

/** Holds the event loop up, so that nothing is accepted, until so many handshakes are over. */
function blockUntilConnected(port: number, count: number): void {
  const connected = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} \\S+ 01 `, 'g')
  const deadline = performance.now() + 20_000
  for (;;) {
    const table = readFileSync('/proc/net/tcp', 'latin1')
    // Each is listed for both of its ends; this is the local address of ours.
    if ((table.match(connected)?.length ?? 0) >= count) return
    assert.ok(performance.now() < deadline, 'they connect')
  }
}

describe('TCP', () => {
  for (const host of ['127.0.0.1', '::1', '']) {
    test(`answers on ${host || 'every address'}`, { skip: without(host) }, async (t) => {
      const started = await start(t, host)
      const { server, address, port } = started
      const seen: unknown[] = []
      server.before = (q) => {
        const { target } = q
        seen.push([target.localAddress, target.localPort, target.remoteAddress(q)])
        seen.push([target.remotePort(q), target.isIPv6(q)])
      }
      const client = await tcpClient(t, started)
      client.send(query({ id: 7 }))
      await client.wait(1)
      assert.ok(isIntact(client.replies[0]!, 7))
      const expected = [
        [address, port, address],
        [client.socket.localPort, address === '::1'],
      ]
      assert.deepEqual(seen, expected)
    })
  }

  test('listens on an address before it exists', async (t) => {
    // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
    const { port } = await start(t, '192.0.2.1', { onNode: ['192.0.2.1'] })
    assert.ok(port > 0)
  })

  test('answers or ignores each packet of the corpus as the rules say', async (t) => {
    const started = await start(t)
    const client = await tcpClient(t, started)
    client.send(...packets.flatMap(({ octets }) => [octets, query({ id: 0xfffe })]))
    const answered = packets.filter(({ rcode }) => rcode >= 0)
    await client.wait(packets.length + answered.length)
    const replies = [...client.replies]
    for (const { file, octets, rcode } of packets) {
      if (rcode >= 0) {
        const reply = replies.shift()!
        assert.deepEqual(reply.subarray(0, 2), octets.subarray(0, 2), file)
        assert.equal(reply[3]! & 0x0f, rcode, file)
      }
      assert.ok(isIntact(replies.shift()!, 0xfffe), file)
    }
  })

  test('answers pipelined queries however the stream is cut', async (t) => {
    const started = await start(t)
    const client = await tcpClient(t, started)
    const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), cuts, async (count, sizes) => {
        const before = client.replies.length
        const stream = Buffer.concat(range(before, count).map((id) => frame(query({ id }))))
        let at = 0
        for (const size of sizes) {
          client.socket.write(stream.subarray(at, at + size))
          at += size
          await new Promise((resolve) => setImmediate(resolve))
        }
        client.socket.write(stream.subarray(at))
        await client.wait(before + count)
        assert.deepEqual(ids(client.replies.slice(before)), range(before, count))
      }),
      { numRuns: 25 },
    )
  })

  test('answers out of order, as answers come', async (t) => {
    const started = await start(t)
    const { server } = started
    const client = await tcpClient(t, started)
    client.send(query({ id: 1, name: 'hold.test' }), query({ id: 2, name: 'hold.test' }))
    client.send(query({ id: 3 }))
    await client.wait(1)
    server.release(server.held.splice(0).toReversed())
    await client.wait(3)
    assert.deepEqual(ids(client.replies), [3, 2, 1])
  })

  test('carries replies of 65,535 octets', async (t) => {
    const started = await start(t)
    const client = await tcpClient(t, started)
    client.send(...range(0, 5).map((id) => query({ id, name: 'size-65535.test' })))
    await client.wait(5)
    for (const [id, reply] of client.replies.entries()) {
      assert.equal(reply.length, 65_535)
      assert.ok(isIntact(reply, id))
    }
  })

  test('sends a client that closed its side all its answers', async (t) => {
    const started = await start(t)
    const { server, counters } = started
    const client = await tcpClient(t, started)
    client.send(query({ id: 1, name: 'hold.test' }), query({ id: 2 }))
    client.socket.end()
    await client.wait(1)
    await eventually(() => server.held.length === 1, 'one is kept')
    server.release()
    await client.wait(2)
    await client.ended()
    assert.deepEqual(ids(client.replies), [2, 1])
    await eventually(() => counters.tcpEnds[TcpEnd.Client] === 1, 'it ended well')
    assert.equal(counters.tcpOpen, 0)
  })

  test('survives a client that resets, and answers that come after', async (t) => {
    const started = await start(t)
    const { server, counters } = started
    const client = await tcpClient(t, started)
    client.send(query({ name: 'hold.test' }))
    await eventually(() => server.held.length === 1, 'it is kept')
    client.socket.resetAndDestroy()
    await eventually(() => counters.tcpEnds[TcpEnd.Error] === 1, 'the reset was seen')
    server.release()
    const next = await tcpClient(t, started)
    next.send(query({ id: 5 }))
    await next.wait(1)
  })

  test('stops reading at 128 queries in flight until one is answered', async (t) => {
    const started = await start(t)
    const { server } = started
    const client = await tcpClient(t, started)
    client.send(...range(0, 300).map((id) => query({ id, name: 'hold.test' })))
    await eventually(() => server.held.length === MAX_IN_FLIGHT, 'the bound is reached')
    // Another connection is served meanwhile, and by then more would have been read.
    const other = await tcpClient(t, started)
    other.send(query({ id: 9 }))
    await other.wait(1)
    assert.equal(server.held.length, MAX_IN_FLIGHT)
    server.release(server.held.splice(0, 1))
    await eventually(() => server.held.length === MAX_IN_FLIGHT, 'another is read')
    while (client.replies.length < 300) {
      const answered = client.replies.length + server.held.length
      server.release()
      await client.wait(answered)
      await eventually(() => server.held.length > 0 || client.replies.length === 300, 'more come')
    }
    assert.deepEqual(
      ids(client.replies).toSorted((a, b) => a - b),
      range(0, 300),
    )
  })

  test('lets others have their turn while a client pipelines', async (t) => {
    const started = await start(t)
    const { server } = started
    const order: number[] = []
    server.before = (q) => order.push(q.wire.readUInt16BE(0))
    const first = await tcpClient(t, started)
    const second = await tcpClient(t, started)
    first.send(...range(0, 500).map((id) => query({ id })))
    second.send(query({ id: 1000 }))
    await Promise.all([first.wait(500), second.wait(1)])
    assert.ok(order.indexOf(1000) < 200, `served after ${order.indexOf(1000)} others`)
  })

  test('stops reading from a client that does not read, then cuts it', async (t) => {
    const started = await start(t)
    const { counters, clock } = started
    let asked = 0
    started.server.before = () => asked++
    const client = await tcpClient(t, started)
    client.socket.pause()
    client.send(...range(0, 1000).map((id) => query({ id, name: 'size-65535.test' })))
    const other = await tcpClient(t, started)
    other.send(query({}))
    await other.wait(1)
    await eventually(() => asked * 65_537 > MAX_UNSENT, 'the kernel takes no more')
    clock.advance(WRITE_MS - 1)
    other.send(query({}))
    await other.wait(2)
    assert.ok(asked < 500, `${asked} queries were read`)
    assert.equal(counters.tcpOpen, 2)
    clock.advance(1 + WRITE_MS)
    await eventually(() => counters.tcpEnds[TcpEnd.WriteTimeout] === 1, 'it is cut')
  })

  test('goes on with a client that reads again', async (t) => {
    const started = await start(t)
    let asked = 0
    started.server.before = () => asked++
    const client = await tcpClient(t, started)
    client.socket.pause()
    client.send(...range(0, 200).map((id) => query({ id, name: 'size-65535.test' })))
    await eventually(() => asked * 65_537 > MAX_UNSENT, 'a megabyte waits')
    client.socket.resume()
    await client.wait(200)
    assert.deepEqual(ids(client.replies), range(0, 200))
  })

  test('cuts a client whose late answers pile up', async (t) => {
    const started = await start(t)
    const { server, counters } = started
    const client = await tcpClient(t, started)
    client.socket.pause()
    client.send(...range(0, 128).map((id) => query({ id, name: 'hold.test' })))
    await eventually(() => server.held.length === 128, 'all are kept')
    for (const q of server.held.splice(0)) {
      q.outLength = 65_535
      q.target.send(q, q.reserve().length)
    }
    await eventually(() => counters.tcpEnds[TcpEnd.Overflow] === 1, 'it is cut')
  })

  test('takes one answer at a time where clients together read too little', async (t) => {
    const server = testServer()
    const unsent = new ByteBudget(0)
    const shared: TcpShared<TcpConnection> = {
      limits: DEFAULT_LIMITS,
      dispatcher: server,
      clock: new ManualClock(),
      query: new Query(null as never),
      message: Buffer.alloc(65_535),
      reply: Buffer.alloc(65_535),
      unsent,
      waiting: new ByteBudget(2 ** 20),
      overfull: () => assert.fail('little is held'),
      unread: () => {},
      touched: () => {},
      closed: () => {},
    }
    const listener = createServer(
      (socket) => void new TcpConnection(new NodeStream(socket), shared),
    )
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    t.after(() => void listener.close())
    const { port } = listener.address() as { port: number }
    const held: number[] = []
    server.before = () => held.push(unsent.used)
    const client = await tcpClient(t, { address: '127.0.0.1', port })
    client.send(...range(0, 20).map((id) => query({ id, name: 'size-60000.test' })))
    await client.wait(20)
    assert.deepEqual(held, new Array<number>(20).fill(0))
    await eventually(() => unsent.used === 0, 'all is written')
    server.before = () => {}
    client.socket.pause()
    unsent.limit = 2 ** 30
    // More than the kernel's buffers of both ends ever hold.
    client.send(...range(0, 300).map((id) => query({ id, name: 'size-60000.test' })))
    await eventually(() => unsent.used > 0, 'answers wait')
    client.socket.resetAndDestroy()
    await eventually(() => unsent.used === 0, 'they are forgotten')
  })

  test('cuts a client without a whole message after 3 s', async (t) => {
    const started = await start(t)
    const { clock, counters } = started
    const silent = await tcpClient(t, started)
    const dripping = await tcpClient(t, started)
    dripping.socket.write(frame(query({})).subarray(0, 20))
    const good = await tcpClient(t, started)
    good.send(query({}))
    await good.wait(1)
    clock.advance(FIRST_MESSAGE_MS - 1)
    good.send(query({}))
    await good.wait(2)
    assert.equal(counters.tcpOpen, 3)
    clock.advance(1)
    await Promise.all([silent.ended(), dripping.ended()])
    await eventually(() => counters.tcpEnds[TcpEnd.FirstMessageTimeout] === 2, 'both counted')
    assert.equal(counters.tcpOpen, 1)
  })

  test('cuts an idle client after 10 s, but none that waits for an answer', async (t) => {
    const started = await start(t)
    const { clock, counters, server } = started
    const idle = await tcpClient(t, started)
    idle.send(query({}))
    await idle.wait(1)
    const waiting = await tcpClient(t, started)
    waiting.send(query({ name: 'hold.test' }))
    await eventually(() => server.held.length === 1, 'it is kept')
    clock.advance(IDLE_MS)
    await idle.ended()
    await eventually(() => counters.tcpEnds[TcpEnd.IdleTimeout] === 1, 'idle counted')
    server.release()
    await waiting.wait(1)
    clock.advance(IDLE_MS)
    await waiting.ended()
    await eventually(() => counters.tcpEnds[TcpEnd.IdleTimeout] === 2, 'idle counted')
  })

  test('lets the longest idle make way where all places are taken', async (t) => {
    const started = await start(t, '127.0.0.1', { libc: null })
    const { counters, clock, server } = started
    const asked = await tcpClient(t, started)
    asked.send(query({ name: 'hold.test' }))
    await eventually(() => server.held.length === 1, 'it waits for its answer')
    clock.advance(1)
    const first = await tcpClient(t, started)
    await eventually(() => counters.tcpOpen === 2, 'it is accepted')
    clock.advance(1)
    const sockets = range(0, MAX_SOCKETS - 2).map(() => connect(started.port, '127.0.0.1'))
    t.after(() => {
      for (const socket of sockets) socket.destroy()
    })
    await eventually(() => counters.tcpOpen === MAX_SOCKETS, 'all are accepted')
    const next = await tcpClient(t, started)
    next.send(query({}))
    await next.wait(1)
    await first.ended()
    await eventually(() => counters.tcpEnds[TcpEnd.Full] === 1, 'it is counted')
    server.release()
    await asked.wait(1)
    assert.equal(counters.tcpRefused, 0)
  })

  test(`takes queries of ${MAX_QUERY} octets and cuts who announces more`, async (t) => {
    const started = await start(t)
    const longest = await tcpClient(t, started)
    const padded = Buffer.concat([query({ id: 9 }), Buffer.alloc(MAX_QUERY)])
    longest.send(padded.subarray(0, MAX_QUERY))
    await longest.wait(1)
    const long = await tcpClient(t, started)
    long.socket.write(Buffer.from([(MAX_QUERY + 1) >> 8, (MAX_QUERY + 1) & 0xff]))
    await long.ended()
    const { counters } = started
    await eventually(() => counters.tcpEnds[TcpEnd.TooLong] === 1, 'it is counted')
  })

  test('counts what has come of queries against one budget and forgets it with them', async (t) => {
    const waiting = new ByteBudget(600)
    let overfull = 0
    const shared: TcpShared<TcpConnection> = {
      limits: DEFAULT_LIMITS,
      dispatcher: testServer(),
      clock: new ManualClock(),
      query: new Query(null as never),
      message: Buffer.alloc(MAX_QUERY),
      reply: Buffer.alloc(65_535),
      unsent: new ByteBudget(2 ** 20),
      waiting,
      overfull: () => void overfull++,
      unread: () => assert.fail('nothing is unread'),
      touched: () => {},
      closed: () => {},
    }
    const listener = createServer(
      (socket) => void new TcpConnection(new NodeStream(socket), shared),
    )
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    t.after(() => void listener.close())
    const { port } = listener.address() as { port: number }
    const half = frame(query({})).subarray(0, 20)
    const one = await tcpClient(t, { address: '127.0.0.1', port })
    one.socket.write(half)
    await eventually(() => waiting.used > 0, 'it is counted')
    assert.equal(waiting.used, 512)
    const other = await tcpClient(t, { address: '127.0.0.1', port })
    other.socket.write(half)
    await eventually(() => overfull === 1, 'it is too much')
    one.socket.write(frame(query({})).subarray(20))
    await one.wait(1)
    await eventually(() => waiting.used === 512, 'it is served')
    other.socket.resetAndDestroy()
    await eventually(() => waiting.used === 0, 'it is forgotten')
  })

  test('close() lets queries in flight have their answers', async (t) => {
    const started = await start(t)
    const { server, listener, counters } = started
    const client = await tcpClient(t, started)
    const idle = await tcpClient(t, started)
    client.send(query({ id: 1, name: 'hold.test' }))
    await eventually(() => server.held.length === 1, 'it is kept')
    const closed = listener.drain(5_000)
    await idle.ended()
    idle.socket.end()
    await assert.rejects(once(connect(started.port, '127.0.0.1'), 'connect'), {
      code: 'ECONNREFUSED',
    })
    server.release()
    await client.wait(1)
    await client.ended()
    client.socket.end()
    await closed
    assert.equal(counters.tcpEnds[TcpEnd.Shutdown], 2)
    assert.deepEqual([counters.tcpOpen, counters.tcpListeners], [0, 0])
    await listener.drain(0)
  })

  test('close() answers the first query of who has only just connected', async (t) => {
    const started = await start(t)
    const { listener, counters } = started
    const client = await tcpClient(t, started)
    await eventually(() => counters.tcpOpen === 1, 'it is accepted')
    const closed = listener.drain(5_000)
    await eventually(() => counters.tcpListeners === 0, 'it listens no more')
    client.send(query({ id: 1 }))
    await client.wait(1)
    await client.ended()
    client.socket.end()
    await closed
    assert.equal(client.socket.errored, null)
  })

  test('close() accepts whoever waits in the kernel', async (t) => {
    const { listener, counters, port } = await start(t)
    const script = `let answered = 0
      const octets = Buffer.from('${frame(query({})).toString('hex')}', 'hex')
      for (let i = 0; i < 20; i++) {
        const socket = require('node:net').connect(${port}, '127.0.0.1', () => socket.write(octets))
        socket.on('data', () => answered++).on('end', () => socket.end()).on('error', () => {})
      }
      process.on('exit', () => console.log(answered))`
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => void child.kill())
    const output = once(child.stdout, 'data')
    blockUntilConnected(port, 20)
    assert.equal(counters.tcpAccepted, 0)
    const closed = listener.drain(5_000)
    assert.equal(String((await output)[0]).trim(), '20')
    await closed
    assert.equal(counters.tcpAccepted, 20)
  })

  test('close() cuts what is left after its grace', async (t) => {
    const started = await start(t)
    const { server, listener, counters } = started
    const client = await tcpClient(t, started)
    client.send(query({ name: 'hold.test' }))
    await eventually(() => server.held.length === 1, 'it is kept')
    await listener.drain(1)
    await client.ended()
    assert.equal(counters.tcpEnds[TcpEnd.Shutdown], 1)
    server.release()
  })

  test('let go, it serves a client until that has been idle for a second', async (t) => {
    const started = await start(t)
    const { clock, counters, listener, server } = started
    const busy = await tcpClient(t, started)
    busy.send(query({ id: 1 }), query({ id: 2, name: 'hold.test' }))
    await busy.wait(1)
    await eventually(() => server.held.length === 1, 'it is kept')
    listener.stopReading()
    await assert.rejects(once(connect(started.port, '127.0.0.1'), 'connect'), {
      code: 'ECONNREFUSED',
    })
    clock.advance(RETIRED_IDLE_MS)
    busy.send(query({ id: 3 }))
    await busy.wait(2)
    server.release()
    await busy.wait(3)
    let ended = false
    const settled = listener.drained().then(() => (ended = true))
    clock.advance(RETIRED_IDLE_MS - 1)
    busy.send(query({ id: 4 }))
    await busy.wait(4)
    assert.equal(ended, false)
    clock.advance(RETIRED_IDLE_MS)
    await busy.ended()
    busy.socket.end()
    await settled
    assert.deepEqual(ids(busy.replies), [1, 3, 2, 4])
    await eventually(() => counters.tcpEnds[TcpEnd.Shutdown] === 1, 'it ended by FIN')
  })

  test('let go, it ends a client that is never idle after half a minute', async (t) => {
    const started = await start(t)
    const { clock, listener, server } = started
    const client = await tcpClient(t, started)
    client.send(query({ id: 1, name: 'hold.test' }))
    await eventually(() => server.held.length === 1, 'it is kept')
    listener.stopReading()
    clock.advance(RETIRED_MS)
    server.release()
    await client.wait(1)
    await client.ended()
    // It does not close its side: that does not keep the old process.
    clock.advance(IDLE_MS)
    await listener.drained()
  })

  test('is understood by dig and kdig', { skip: requireTools('dig', 'kdig') }, async (t) => {
    const started = await start(t)
    const dug = await dig(started, '+tcp', '+keepopen', 'a.test', 'A', 'b.test', 'A')
    assert.deepEqual([dug.status, dug.answer.length], ['NOERROR', 1])
    const kdug = await kdig(started, '+tcp', '+keepopen', 'size-60000.test', 'AAAA')
    assert.equal(kdug.status, 'NOERROR')
  })
})
