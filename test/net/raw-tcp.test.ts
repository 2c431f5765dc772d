import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'

import { type Acceptance, RawAcceptor } from '../../src/net/acceptor.ts'
import { NodeStream } from '../../src/net/client-stream.ts'
import { NetCounters, TcpEnd } from '../../src/net/counters.ts'
import { RawStream } from '../../src/net/raw-stream.ts'
import { MAX_SOCKETS } from '../../src/net/tcp-limits.ts'
import { openTcp } from '../../src/net/tcp.ts'
import { Descriptors } from '../../src/sys/descriptors.ts'
import { poller } from '../../src/sys/epoll.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'
import { sockaddrAddress } from '../../src/sys/sockaddr.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import type { Owner } from '../helpers/processes.ts'
import { eventually } from '../helpers/eventually.ts'
import { query, tcpClient, without } from './clients.ts'
import { testServer } from './test-server.ts'

const system = libc().libc
const skip = system === null && 'needs the C library'
const EMFILE = 24
const ENOMEM = 12

/** The C library, some calls of which go another way. */
function instead(calls: Partial<Libc>): Libc {
  return { ...system!, ...calls }
}

async function start(owner: Owner, own: Libc | null = system, host = '127.0.0.1') {
  const server = testServer()
  const counters = new NetCounters()
  const clock = new ManualClock()
  const descriptors = new Descriptors({ libc: own })
  const log = new LinesLog()
  const parts = { descriptors, dispatcher: server, clock, counters, log }
  const listener = await openTcp({ host, port: 0, ...parts })
  owner.after(() => listener.drain(0))
  const address = host || '127.0.0.1'
  return { address, port: listener.port, listener, server, counters, clock, log }
}

describe('TCP through the C library', { skip }, () => {
  test('Node does the same where it cannot be called', async (t) => {
    const started = await start(t, null)
    const { counters, listener, server } = started
    const client = await tcpClient(t, started)
    client.send(query({ id: 1 }), query({ id: 2, name: 'hold.test' }))
    await client.wait(1)
    await eventually(() => server.held.length === 1, 'one is kept')
    const closed = listener.drain(5_000)
    server.release()
    await client.wait(2)
    await client.ended()
    client.socket.end()
    await closed
    assert.deepEqual([counters.tcpOpen, counters.tcpListeners], [0, 0])
  })

  test('serves one client after the other, each as itself', async (t) => {
    const started = await start(t)
    const { counters, server } = started
    const seen: string[] = []
    server.before = ({ client, target }) => {
      seen.push(`${sockaddrAddress(client)} ${target.localPort === started.port}`)
    }
    for (const [i, from] of ['127.0.0.2', '127.0.0.3', '127.2.0.2', '127.0.0.2'].entries()) {
      const socket = connect({ host: '127.0.0.1', port: started.port, localAddress: from })
      await once(socket, 'connect')
      socket.write(Buffer.concat([Buffer.from([0, 24]), query({ id: i })]).subarray(0, 9))
      await eventually(() => counters.tcpOpen === 1, 'a part is read')
      socket.destroy()
      await eventually(() => counters.tcpOpen === 0, 'it is gone')
      const whole = connect({ host: '127.0.0.1', port: started.port, localAddress: from })
      const wire = query({ id: i })
      whole.end(Buffer.concat([Buffer.from([wire.length >> 8, wire.length]), wire]))
      const [reply] = (await once(whole, 'data')) as [Buffer]
      assert.equal(reply.readUInt16BE(2), i)
      await once(whole, 'close')
      await eventually(() => counters.tcpOpen === 0, 'it is counted')
    }
    const expected = ['127.0.0.2', '127.0.0.3', '127.2.0.2', '127.0.0.2']
    assert.deepEqual(
      seen,
      expected.map((address) => `${address} true`),
    )
  })

  test('who has not asked yet keeps its place where many come and say nothing', async (t) => {
    const started = await start(t)
    const { counters, port } = started
    const slow = await tcpClient(t, started)
    const silent = Array.from({ length: MAX_SOCKETS }, () => connect(port, '127.0.0.1'))
    t.after(() => {
      for (const socket of silent) socket.destroy()
    })
    await eventually(() => counters.tcpAccepted === MAX_SOCKETS + 1, 'all are accepted')
    slow.send(query({}))
    await slow.wait(1)
    assert.equal(counters.tcpEnds[TcpEnd.Full], 0)
  })

  test('a client of IPv4 is one on a socket of IPv6', { skip: without('::1') }, async (t) => {
    const { port, server } = await start(t, system, '')
    const seen: unknown[] = []
    server.before = (q) => void seen.push(sockaddrAddress(q.client), q.target.localAddress)
    for (const address of ['127.0.0.1', '::1']) {
      const client = await tcpClient(t, { address, port })
      client.send(query({}))
      await client.wait(1)
    }
    assert.deepEqual(seen, ['127.0.0.1', '127.0.0.1', '::1', '::1'])
  })

  test('without descriptors, who waits is sent away and the next has its place', async (t) => {
    let full = 0
    let failed = false
    const own = instead({
      accept4: (...at) => {
        failed = full-- > 0
        return failed ? -1 : system!.accept4(...at)
      },
      errno: () => (failed ? EMFILE : system!.errno()),
    })
    const started = await start(t, own)
    full = 1
    const first = await tcpClient(t, started)
    await first.ended()
    assert.deepEqual([started.counters.tcpRefused, started.counters.tcpAccepted], [1, 0])
    const next = await tcpClient(t, started)
    next.send(query({}))
    await next.wait(1)
  })

  for (const call of ['fcntl', 'epoll_create1', 'epoll_ctl'] as const) {
    test(`where ${call}() finds no room, it does not seem to listen`, async (t) => {
      const before = readdirSync('/proc/self/fd').length
      const own = instead({ [call]: () => -1, errno: () => EMFILE })
      await assert.rejects(start(t, own), { code: 'EMFILE', errno: EMFILE })
      const isClosed = (): boolean => readdirSync('/proc/self/fd').length <= before
      await eventually(isClosed, 'its descriptors are closed')
    })
  }

  test('without memory it rests, and goes on', async (t) => {
    let full = 0
    let failed = false
    const own = instead({
      accept4: (...at) => {
        failed = full-- > 0
        return failed ? -1 : system!.accept4(...at)
      },
      errno: () => (failed ? ENOMEM : system!.errno()),
    })
    const started = await start(t, own)
    full = 1
    const client = await tcpClient(t, started)
    client.send(query({}))
    await client.wait(1)
    assert.equal(started.counters.tcpRefused, 1)
    full = 1
    await tcpClient(t, started)
    await eventually(() => started.counters.tcpRefused === 2, 'it rests')
    assert.equal(started.log.lines.length, 1, 'told of once')
    assert.match(started.log.lines[0]!, /no room for a TCP connection/)
    await started.listener.drain(0)
  })

  test('a connection that cannot be watched is refused', async (t) => {
    let watched = 0
    const own = instead({
      epoll_ctl: (...at) => (at[1] === 1 && ++watched > 1 ? -1 : system!.epoll_ctl(...at)),
    })
    const started = await start(t, own)
    const client = await tcpClient(t, started)
    await client.ended()
    assert.equal(started.counters.tcpRefused, 1)
  })

  test('a client that resets while it is not read from is noticed', async (t) => {
    const started = await start(t)
    const { counters, server } = started
    const client = await tcpClient(t, started)
    client.send(...Array.from({ length: 200 }, (_, id) => query({ id, name: 'hold.test' })))
    await eventually(() => server.held.length === 128, 'no more are taken')
    client.socket.resetAndDestroy()
    await eventually(() => counters.tcpEnds[TcpEnd.Error] === 1, 'it is gone')
    server.release()
    assert.equal(counters.tcpOpen, 0)
  })

  test("what is to be encrypted is a stream of Node's", async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const acceptor = new RawAcceptor(system!, server, '127.0.0.1')
    t.after(() => acceptor.close())
    const taken = Promise.withResolvers<Socket>()
    const taker: Acceptance = {
      wantsSockets: true,
      accepted: () => assert.fail('not as it is'),
      acceptedSocket: (socket) => taken.resolve(socket),
      refused: () => assert.fail('there is room'),
    }
    acceptor.start(taker)
    const client = await tcpClient(t, { address: '127.0.0.1', port: acceptor.port })
    const socket = await taken.promise
    const stream = new NodeStream(socket)
    assert.equal(stream.remoteAddress, '127.0.0.1')
    stream.destroy()
    await client.ended()
    acceptor.close()
    acceptor.close()
    assert.deepEqual([acceptor.isOpen, acceptor.fd], [false, -1])
  })

  test('no epoll instance is left when nothing is watched', async () => {
    const opened: number[] = []
    const closed: number[] = []
    const own = instead({
      epoll_create1: (flags) => {
        const fd = system!.epoll_create1(flags)
        opened.push(fd)
        return fd
      },
      close: (fd) => {
        closed.push(fd)
        return system!.close(fd)
      },
    })
    const fd = system!.socket(2, 1, 0)
    const all = poller(own)
    const stream = new RawStream(own, all)
    assert.ok(stream.open(fd, { address: '127.0.0.1', port: 53 }))
    stream.destroy()
    await eventually(() => closed.length === 2, 'it is closed')
    assert.deepEqual(closed, [fd, ...opened])
    const none = instead({ epoll_create1: () => -1, close: () => 0 })
    assert.equal(new RawStream(none, poller(none)).open(9, { address: '', port: 0 }), false)
  })
})
