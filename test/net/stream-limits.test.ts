// What connections are allowed over TCP, HTTP/1.1 and HTTP/2, in a time that the tests move.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import type { Secure } from '../../src/lib/secure.ts'
import type { StreamLimits } from '../../src/lib/stream-limits.ts'
import { NetCounters, TcpEnd } from '../../src/net/counters.ts'
import { connectHttps } from '../../src/net/https-connection.ts'
import { DEFAULT_LIMITS } from '../../src/net/tcp-limits.ts'
import { openTcp, type TcpListener, type TcpOptions } from '../../src/net/tcp.ts'
import { Descriptors } from '../../src/sys/descriptors.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { eventually } from '../helpers/eventually.ts'
import type { Owner } from '../helpers/processes.ts'
import { query, tcpClient } from './clients.ts'
import { isIntact, type TestServer, testServer } from './test-server.ts'

interface Started {
  readonly address: string
  readonly port: number
  readonly listener: TcpListener
  readonly behind: TestServer & { limits: StreamLimits; secure: Secure | null }
  readonly counters: NetCounters
  readonly clock: ManualClock
}

async function start(owner: Owner, parts: Partial<TcpOptions> = {}): Promise<Started> {
  const counters = new NetCounters()
  const clock = new ManualClock()
  const behind = Object.assign(testServer(), { limits: DEFAULT_LIMITS, secure: null })
  const address = '127.0.0.1'
  const at = { host: address, port: 0, descriptors: new Descriptors() }
  const listener = await openTcp({ ...at, dispatcher: behind, clock, counters, ...parts })
  owner.after(() => listener.drain(0))
  return { address, port: listener.port, listener, behind, counters, clock }
}

/** Connections as TLS leaves them when both sides have agreed on HTTP/2, without the TLS. */
const agreedOnHttp2: Secure = {
  handshake: (socket, done) => done(Object.assign(socket, { alpnProtocol: 'h2' })),
}

describe('limits over TCP', () => {
  test('are those of the directive, and those of another one at once', async (t) => {
    const started = await start(t)
    const { behind, clock, counters } = started
    behind.limits = { ...DEFAULT_LIMITS, readMs: 20_000, idleMs: 60_000 }
    const silent = await tcpClient(t, started)
    const good = await tcpClient(t, started)
    good.send(query({}))
    await good.wait(1)
    clock.advance(19_999)
    good.send(query({}))
    await good.wait(2)
    assert.equal(counters.tcpOpen, 2)
    clock.advance(1)
    await silent.ended()
    clock.advance(30_000)
    good.send(query({}))
    await good.wait(3)
    behind.limits = { ...DEFAULT_LIMITS, idleMs: 1_000 }
    clock.advance(1_000)
    await good.ended()
    await eventually(() => counters.tcpOpen === 0, 'both are counted')
    assert.equal(counters.tcpEnds[TcpEnd.FirstMessageTimeout], 1)
    assert.equal(counters.tcpEnds[TcpEnd.IdleTimeout], 1)
  })

  test('a connection that has asked its last query has all its answers, and no more', async (t) => {
    const started = await start(t)
    const { behind, counters } = started
    behind.limits = { ...DEFAULT_LIMITS, maxQueries: 3 }
    const client = await tcpClient(t, started)
    client.send(
      ...[1, 2, 3, 4, 5].map((id) => query({ id, ...(id === 2 ? { name: 'hold.x' } : {}) })),
    )
    await client.wait(2)
    assert.equal(behind.held.length, 1)
    behind.release()
    await client.wait(3)
    await client.ended()
    const ids = client.replies.map((wire) => wire.readUInt16BE(0))
    assert.deepEqual(ids, [1, 3, 2])
    client.socket.end(query({ id: 6 }))
    await eventually(() => counters.tcpEnds[TcpEnd.QueryLimit] === 1, 'it is counted')
    assert.equal(client.replies.length, 3)
  })

  test('one query for each connection', async (t) => {
    const started = await start(t)
    started.behind.limits = { ...DEFAULT_LIMITS, maxQueries: 1 }
    for (let id = 1; id <= 3; id++) {
      const client = await tcpClient(t, started)
      client.send(query({ id }))
      await client.ended()
      assert.ok(isIntact(client.replies[0]!, id))
      client.socket.end()
    }
  })
})

test('a handshake is over in the time for the first message, however much of it trickles in', async (t) => {
  const started = await start(t)
  const { behind, clock, counters } = started
  let trickled = 0
  behind.secure = {
    handshake(socket, done) {
      socket.on('data', (chunk: Buffer) => (trickled += chunk.length))
      socket.on('close', () => done(null))
    },
  }
  behind.limits = { ...DEFAULT_LIMITS, readMs: 5_000 }
  const client = await tcpClient(t, started)
  for (let octet = 1; octet <= 4; octet++) {
    clock.advance(1_000)
    client.socket.write('\x16')
    await eventually(() => trickled === octet, 'it has come')
  }
  assert.equal(counters.tcpOpen, 1)
  clock.advance(1_000)
  await client.ended()
  await eventually(() => counters.tcpEnds[TcpEnd.Handshake] === 1, 'it is counted')
  assert.equal(counters.tcpOpen, 0)
})

const dns = 'application/dns-message'
const asked = `/dns-query?dns=${query({ id: 5 }).toString('base64url')}`
const post = { ':method': 'POST', ':path': '/dns-query', 'content-type': dns }

describe('HTTP/1.1', () => {
  const head = `POST /dns-query HTTP/1.1\r\nhost: x\r\ncontent-type: ${dns}\r\n`

  async function client(owner: Owner, { port, address }: Started): Promise<[Socket, () => string]> {
    const socket = connect({ port, host: address })
    owner.after(() => void socket.destroy())
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    socket.on('error', () => {})
    await once(socket, 'connect')
    return [socket, () => text]
  }

  test('a head and a body have to come whole in time', async (t) => {
    const started = await start(t, { connect: connectHttps })
    const { behind, clock, counters } = started
    behind.limits = { ...DEFAULT_LIMITS, readMs: 20_000 }
    const [slowHead] = await client(t, started)
    const [slowBody, said] = await client(t, started)
    slowHead.write(head.slice(0, 40))
    slowBody.write(`${head}expect: 100-continue\r\ncontent-length: 40\r\n\r\nabc`)
    await eventually(() => said().startsWith('HTTP/1.1 100'), 'its head is read')
    // Longer than one may be idle.
    clock.advance(19_999)
    const [good, text] = await client(t, started)
    good.write(`GET ${asked} HTTP/1.1\r\nhost: x\r\n\r\n`)
    await eventually(() => text().startsWith('HTTP/1.1 200'), 'an answer')
    assert.equal(counters.tcpOpen, 3)
    clock.advance(1)
    await Promise.all([once(slowHead, 'close'), once(slowBody, 'close')])
    await eventually(() => counters.tcpEnds[TcpEnd.FirstMessageTimeout] === 2, 'both')
  })

  test('a body without end is refused, and its connection closed', async (t) => {
    const started = await start(t, { connect: connectHttps })
    const [socket, text] = await client(t, started)
    const chunk = `400\r\n${'x'.repeat(1_024)}\r\n`
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.write(`${head}transfer-encoding: chunked\r\n\r\n${chunk.repeat(5)}`)
    await eventually(() => text().startsWith('HTTP/1.1 413'), 'refused')
    const drip = setInterval(() => socket.write(chunk), 5)
    t.after(() => clearInterval(drip))
    await closed
    await eventually(() => started.counters.tcpOpen === 0, 'gone')
  })

  test('what is said is read to its end or not at all', async (t) => {
    const started = await start(t, { connect: connectHttps })
    const rows: readonly [sent: string, status: RegExp][] = [
      ['\x16\x03\x01\r\n\r\n', /^HTTP\/1\.1 400/],
      [`GET ${asked} HTTP/9.9\r\nhost: x\r\n\r\n`, /^HTTP\/1\.1 (400|505)/],
      [`GET ${asked} HTTP/1.1\r\n\r\n`, /^HTTP\/1\.1 400/],
      [`${head}content-length: 9\r\ncontent-length: 8\r\n\r\n`, /^HTTP\/1\.1 400/],
      [`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`, /^HTTP\/1\.1 400/],
      [`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, /^HTTP\/1\.1 431/],
      [`${head}${'a: b\r\n'.repeat(6_000)}\r\n`, /^HTTP\/1\.1 431/],
      ['CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n', /^$/],
    ]
    for (const [sent, status] of rows) {
      const [socket, text] = await client(t, started)
      socket.write(sent)
      await once(socket, 'close')
      assert.match(text(), status, sent.slice(0, 60))
    }
    await eventually(() => started.counters.tcpOpen === 0, 'gone')
  })
})

describe('HTTP/2', () => {
  interface Opened extends Started {
    readonly open: () => ClientHttp2Session
    /** Whether a good question in a session has the right answer. */
    readonly asks: (session: ClientHttp2Session) => Promise<boolean>
  }

  async function startHttp2(owner: Owner): Promise<Opened> {
    const started = await start(owner, { connect: connectHttps })
    started.behind.secure = agreedOnHttp2
    const open = (): ClientHttp2Session => {
      const session = connectHttp2(`http://${started.address}:${started.port}`)
      session.on('error', () => {})
      owner.after(() => session.destroy())
      return session
    }
    const asks = async (session: ClientHttp2Session): Promise<boolean> => {
      const stream = session.request({ ':path': asked })
      stream.on('error', () => {})
      const body = Buffer.concat((await stream.toArray()) as Buffer[])
      return isIntact(body, 5)
    }
    return { ...started, open, asks }
  }

  test('a body has to come whole in time, beside others that do', async (t) => {
    const { open, asks, clock, counters, behind } = await startHttp2(t)
    behind.limits = { ...DEFAULT_LIMITS, readMs: 20_000 }
    const session = open()
    const slow = session.request(post)
    slow.on('error', () => {})
    slow.write('abc')
    assert.ok(await asks(session))
    clock.advance(19_999)
    assert.ok(await asks(session))
    clock.advance(1)
    await once(session, 'close')
    await eventually(() => counters.tcpEnds[TcpEnd.FirstMessageTimeout] === 1, 'counted')
  })

  test('a body without end is refused, and in the end its connection cut', async (t) => {
    const { open, asks, clock, counters } = await startHttp2(t)
    const session = open()
    const endless = session.request(post)
    endless.on('error', () => {})
    const drip = setInterval(() => endless.write(Buffer.alloc(1_024)), 5)
    t.after(() => clearInterval(drip))
    const [headers] = (await once(endless, 'response')) as [Record<string, unknown>]
    assert.equal(headers[':status'], 413)
    assert.ok(await asks(session), 'others go on')
    clock.advance(DEFAULT_LIMITS.writeMs)
    await once(session, 'close')
    await eventually(() => counters.tcpOpen === 0, 'gone')
  })

  test('who never reads responses is cut', async (t) => {
    const { address, port, clock, counters, behind } = await startHttp2(t)
    const session = connectHttp2(`http://${address}:${port}`, {
      settings: { initialWindowSize: 0 },
    })
    session.on('error', () => {})
    t.after(() => session.destroy())
    let served = 0
    behind.before = () => void served++
    for (let i = 0; i < 100; i++) session.request({ ':path': asked }).on('error', () => {})
    await eventually(() => served === 100, 'all are served')
    clock.advance(DEFAULT_LIMITS.writeMs)
    await once(session, 'close')
    await eventually(() => counters.tcpEnds[TcpEnd.WriteTimeout] === 1, 'counted')
  })

  test('streams that are reset at once, and pings, keep nobody waiting', async (t) => {
    const { open, asks, counters, behind } = await startHttp2(t)
    const hostile = open()
    await once(hostile, 'connect')
    for (let i = 0; i < 3_000 && !hostile.destroyed; i++) {
      const stream = hostile.request(i % 2 === 0 ? post : { ':path': asked })
      stream.on('error', () => {})
      stream.close(constants.NGHTTP2_CANCEL)
      if (!hostile.destroyed) hostile.ping(() => {})
    }
    const good = open()
    for (let i = 0; i < 20; i++) assert.ok(await asks(good))
    hostile.destroy()
    await eventually(() => counters.tcpOpen === 1, 'it is gone')
    behind.limits = DEFAULT_LIMITS
    assert.ok(await asks(good))
  })

  test('requests that their client gives up take no place of others', async (t) => {
    const { open, asks, counters, behind } = await startHttp2(t)
    let served = 0
    behind.before = () => void served++
    const session = open()
    for (let i = 0; i < 200; i++) {
      const stream = session.request({ ...post, 'content-length': '33' })
      stream.on('error', () => {})
      stream.write(query({ id: 5 }).subarray(0, 20))
      // An answer to another one: by then the server has read that much.
      assert.ok(await asks(session))
      stream.close(constants.NGHTTP2_CANCEL)
    }
    assert.ok(await asks(session))
    assert.equal(served, 201, 'no part of a query is served')
    assert.equal(counters.tcpOpen, 1)
  })

  test('a client that is gone when its answers come', async (t) => {
    const { open, asks, behind, counters } = await startHttp2(t)
    const session = open()
    const held = `/dns-query?dns=${query({ id: 5, name: 'hold.test' }).toString('base64url')}`
    const streams = [1, 2, 3].map(() => session.request({ ':path': held }))
    for (const stream of streams) stream.on('error', () => {})
    await eventually(() => behind.held.length === 3, 'they wait')
    streams[0]!.close(constants.NGHTTP2_CANCEL)
    assert.ok(await asks(session))
    behind.release(behind.held.splice(0, 1))
    session.destroy()
    behind.release()
    await eventually(() => counters.tcpOpen === 0, 'gone')
    assert.ok(await asks(open()))
  })

  test('bodies that stay open are 128 at most, and forgotten with their connection', async (t) => {
    const { open, asks, counters } = await startHttp2(t)
    const hostile = open()
    await once(hostile, 'remoteSettings')
    for (let i = 0; i < 300; i++) {
      const stream = hostile.request(post)
      stream.on('error', () => {})
      stream.write(Buffer.alloc(4_000))
    }
    const good = open()
    assert.ok(await asks(good))
    assert.equal(counters.tcpOpen, 2)
    hostile.destroy()
    await eventually(() => counters.tcpOpen === 1, 'gone')
    assert.ok(await asks(good))
  })
})
