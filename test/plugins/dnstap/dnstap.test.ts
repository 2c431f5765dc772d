import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { describe, test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { dnstapCounters } from '../../../src/plugins/dnstap/counters.ts'
import { FrameStream } from '../../../src/plugins/dnstap/frame-stream.ts'
import { dnstap } from '../../../src/plugins/dnstap/index.ts'
import { clientSockaddr } from '../../../src/sys/sockaddr.ts'
import { Protocol, Query } from '../../../src/serve/query.ts'
import { requireTools } from '../../helpers/debian.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { freePort } from '../../helpers/ports.ts'
import { testServices } from '../../helpers/services.ts'
import { answerWith, TestBlock, TestClient } from '../../telemetry/block.ts'
import { eventually } from '../../upstream/scripted.ts'
import { a, message } from '../../wire/message.ts'
import { accept, type Collector, control, Frames, handshake, startCollector } from './reader.ts'

interface Started extends Collector {
  readonly block: TestBlock
  readonly path: string
  /** Sends a query from this client through the block, and answers it. */
  ask(name: string, from?: string, protocol?: Protocol): void
}

function queryOf(block: TestBlock, name: string, from: string, protocol: Protocol): void {
  const wire = message({ name, id: 7, flags: 0x0100 })
  const q = new Query(new TestClient(protocol, from))
  q.client = clientSockaddr(from, 40_000)
  q.reset(wire, wire.length, block.clock.now)
  block.answer = answerWith({ answer: [a(name)] })
  block.server.dispatch(q)
}

async function start(
  t: TestContext,
  rest = '',
  answer: (type: number, socket: Socket) => void = handshake,
): Promise<Started> {
  const path = join(temporaryFolder(t), 'tap.sock')
  const collector = await startCollector(t, path, answer)
  const block = new TestBlock(dnstap, `dnstap ${path} ${rest}`)
  await block.start(t)
  const ask: Started['ask'] = (name, from = '10.0.0.7', protocol = Protocol.Udp) =>
    queryOf(block, name, from, protocol)
  return { ...collector, block, path, ask }
}

async function accepted({ connections }: Collector): Promise<Frames> {
  await eventually(() => connections.at(-1)?.controls.includes(2) === true, 'START')
  return connections.at(-1)!
}

describe('dnstap', () => {
  test('queries and answers, in frames, with a handshake and an end', async (t) => {
    const tap = await start(t, 'full {\nidentity me\nversion v1\nextra "{name} {proto} {rcode}"\n}')
    const frames = await accepted(tap)
    tap.ask('www.example.test')
    tap.ask('six.test', 'fd00::7', Protocol.Tcp)
    tap.ask('mapped.test', '::ffff:10.0.0.9')
    await eventually(() => frames.data.length === 6, 'six messages')
    const [query, response, query6, response6, mapped] = frames.data
    assert.ok(query!.subarray(0, 8).equals(Buffer.from('\x0a\x02me\x12\x02v1', 'latin1')))
    assert.ok(query!.includes('www.example.test. udp -'))
    assert.ok(response!.includes('www.example.test. udp NOERROR'))
    assert.ok(query6!.includes('six.test. tcp -'))
    // type CLIENT_QUERY, INET, UDP, address, port; the message itself.
    const head = Buffer.from([8, 5, 16, 1, 24, 1, 34, 4, 10, 0, 0, 7, 48, 0xc0, 0xb8, 2])
    assert.ok(query!.includes(head))
    assert.ok(query!.includes(message({ name: 'www.example.test', id: 7, flags: 0x0100 })))
    assert.ok(response!.includes(Buffer.from([8, 6, 16, 1, 24, 1, 34, 4, 10, 0, 0, 7])))
    const six = Buffer.from([8, 6, 16, 2, 24, 2, 34, 16, 0xfd, 0])
    assert.ok(response6!.includes(six))
    assert.ok(mapped!.includes(Buffer.from([8, 5, 16, 1, 24, 1, 34, 4, 10, 0, 0, 9])))
    await tap.block.stage.stop!(true)
    await eventually(() => frames.controls.includes(3), 'STOP')
    assert.deepEqual(frames.controls, [4, 2, 3])
    assert.deepEqual(tap.block.log.texts, [])
    assert.deepEqual(tap.block.stage.describe!(), [`unix://${tap.path} full`])
  })

  test('without `full` there is no message, and an upstream is told of as it was asked', async (t) => {
    const tap = await start(t)
    const frames = await accepted(tap)
    const q = new Query(new TestClient())
    const exchange = {
      upstream: '[fd00::1]:53',
      transport: 'tcp',
      local: '[fd00::2]:4000',
      sentAt: tap.block.clock.now,
      query: Buffer.from('question'),
      reply: Buffer.from('answer'),
    }
    tap.block.stage.exchanged!(q, exchange)
    tap.block.stage.exchanged!(q, { ...exchange, upstream: 'odd', local: '', reply: null })
    tap.ask('quiet.test')
    await eventually(() => frames.data.length === 5, 'five messages')
    const [query, response, unknown] = frames.data
    assert.ok(query!.includes(Buffer.from([8, 7, 16, 2, 24, 2, 34, 16, 0xfd])))
    assert.ok(response!.includes(Buffer.from([8, 8, 16, 2, 24, 2, 34, 16, 0xfd])))
    assert.ok(unknown!.includes(Buffer.from([8, 7, 16, 1, 24, 2, 64])))
    for (const frame of frames.data) {
      for (const words of ['question', 'answer', 'quiet']) assert.ok(!frame.includes(words))
    }
  })

  test('a collector that does not read costs messages, and no query', async (t) => {
    const tap = await start(t, 'full', (type, socket) => {
      if (type !== 4) return
      socket.write(accept)
      socket.pause()
    })
    await eventually(() => tap.connections[0]?.controls.length === 1, 'READY')
    const counters = dnstapCounters.get(`unix://${tap.path}`)
    const q = new Query(new TestClient())
    const exchange = {
      upstream: '10.0.0.1:53',
      transport: 'udp',
      local: '',
      sentAt: tap.block.clock.now,
      query: Buffer.alloc(20),
      reply: Buffer.alloc(30_000),
    }
    await eventually(() => {
      for (let i = 0; i < 100; i++) tap.block.stage.exchanged!(q, exchange)
      return counters.dropped > 0
    }, 'drops')
    // 8 MiB in the queue, 1 MiB and what the kernel takes in the connection.
    assert.ok(counters.sent > 0)
  })

  test('a collector that comes late, goes and comes again', async (t) => {
    const path = join(temporaryFolder(t), 'tap.sock')
    const block = new TestBlock(dnstap, `dnstap ${path}`)
    await block.start(t)
    await eventually(() => block.log.texts.length > 0, 'a line')
    assert.match(
      block.log.texts[0]!,
      /^error plugin\/dnstap: No connection to dnstap endpoint: .*ENOENT/,
    )
    queryOf(block, 'lost.test', '10.0.0.7', Protocol.Udp)
    assert.equal(dnstapCounters.get(`unix://${path}`).dropped, 2)
    const collector = await startCollector(t, path)
    const first = await accepted(collector)
    assert.deepEqual(block.log.texts.slice(1), [
      `info plugin/dnstap: Connected to dnstap endpoint ${path}`,
    ])
    first.socket.destroy()
    await eventually(() => collector.connections.length === 2, 'another connection')
    const second = await accepted(collector)
    queryOf(block, 'kept.test', '10.0.0.7', Protocol.Udp)
    await eventually(() => second.data.length === 2, 'two messages')
  })

  test('a reload keeps the connection', async (t) => {
    const services = testServices()
    const path = join(temporaryFolder(t), 'tap.sock')
    const collector = await startCollector(t, path)
    const old = new TestBlock(dnstap, `dnstap ${path}`, { services })
    await old.start(t)
    const frames = await accepted(collector)
    const next = new TestBlock(dnstap, `dnstap ${path} {\nidentity other\n}`, { services })
    await next.start(t)
    await old.stage.stop!(false)
    queryOf(next, 'kept.test', '10.0.0.7', Protocol.Udp)
    await eventually(() => frames.data.length === 2, 'two messages')
    assert.equal(collector.connections.length, 1)
  })

  for (const [what, answer, problem] of [
    ['speaks something else', Buffer.from('HTTP/1.1 400 Bad'), 'does not speak Frame Streams'],
    [
      'sends too long a frame',
      Buffer.from([0, 0, 0, 0, 0, 0, 2, 1]),
      'does not speak Frame Streams',
    ],
    [
      'sends too short a frame',
      Buffer.from([0, 0, 0, 0, 0, 0, 0, 3]),
      'does not speak Frame Streams',
    ],
    [
      'takes other content',
      control(1, Buffer.from('other')),
      'does not take protobuf:dnstap.Dnstap',
    ],
  ] as const) {
    test(`a collector that ${what} is told of`, async (t) => {
      const tap = await start(t, '', (_type, socket) => socket.write(answer))
      await eventually(() => tap.block.log.texts.length > 0, 'a line')
      assert.equal(
        tap.block.log.texts[0],
        `error plugin/dnstap: No connection to dnstap endpoint: the reader ${problem}`,
      )
    })
  }

  test('an ACCEPT without content, in pieces, is one', async (t) => {
    const tap = await start(t, '', (type, socket) => {
      if (type !== 4) return
      socket.write(control(1).subarray(0, 9))
      setImmediate(() => socket.write(control(1).subarray(9)))
    })
    await accepted(tap)
  })

  test('a reader that finishes unasked and keeps its end open holds nobody up', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const socket = new Duplex({ read() {}, write: (_octets, _encoding, done) => done() })
    const ended: (string | null)[] = []
    const stream = new FrameStream(socket as Socket, {
      accepted() {},
      drained() {},
      ended: (reason) => ended.push(reason),
    })
    for (const frame of [accept, control(5)]) {
      socket.push(frame)
      await nextTurn()
    }
    stream.end()
    t.mock.timers.tick(600)
    socket.push(control(5))
    await nextTurn()
    assert.deepEqual(ended, [])
    t.mock.timers.tick(400)
    await nextTurn()
    assert.deepEqual(ended, [null])
  })

  test('an address without a port is told of at run time, as in CoreDNS', async (t) => {
    const block = new TestBlock(dnstap, 'dnstap tcp://127.0.0.1')
    await block.start(t)
    assert.deepEqual(block.log.texts, [
      'error plugin/dnstap: No connection to dnstap endpoint: address 127.0.0.1: missing port in address',
    ])
  })
})

describe('dnstap listen', () => {
  test('collectors connect, and each gets all; the path goes with the end', async (t) => {
    const path = join(temporaryFolder(t), 'tap.sock')
    const block = new TestBlock(dnstap, `dnstap listen ${path} full`)
    await block.start(t)
    await eventually(() => existsSync(path), 'the path')
    const readers = [new Frames(connect(path)), new Frames(connect(path))]
    for (const { controls } of readers) await eventually(() => controls.includes(2), 'START')
    queryOf(block, 'both.test', '10.0.0.7', Protocol.Udp)
    for (const { data } of readers) await eventually(() => data.length === 2, 'two messages')
    readers[0]!.socket.destroy()
    await eventually(() => block.log.texts.length === 1, 'a line')
    assert.match(block.log.texts[0]!, /^warning plugin\/dnstap: A reader of dnstap has gone: /)
    await block.stage.stop!(true)
    assert.deepEqual(readers[1]!.controls, [4, 2, 3])
    assert.ok(!existsSync(path))
  })

  test('an address that somebody else has is waited for, and that is said once', async (t) => {
    const predecessor = createServer()
    const port = await freePort()
    await new Promise<void>((resolve) => predecessor.listen(port, '127.0.0.1', resolve))
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const block = new TestBlock(dnstap, `dnstap listen tcp://127.0.0.1:${port}`)
    await block.start(t)
    while (block.log.texts.length === 0) await nextTurn()
    assert.match(block.log.texts[0]!, /^error .*Failed to start dnstap listener: .*EADDRINUSE/)
    t.mock.timers.tick(1_000)
    for (let i = 0; i < 5; i++) await nextTurn()
    await new Promise((resolve) => predecessor.close(resolve))
    t.mock.timers.tick(1_000)
    const reader = connect(port, '127.0.0.1')
    await once(reader, 'connect')
    reader.destroy()
    assert.deepEqual(block.log.texts.slice(1), [
      `info plugin/dnstap: Readers of dnstap may connect to 127.0.0.1:${port} now`,
    ])
  })

  test('a reader that cannot be accepted is no failure to listen', async (t) => {
    const path = join(temporaryFolder(t), 'tap.sock')
    const block = new TestBlock(dnstap, `dnstap listen ${path}`)
    const accepting = t.mock.method(Server.prototype, 'listen')
    await block.start(t)
    const server = accepting.mock.calls[0]!.this as Server
    await once(server, 'listening')
    server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }))
    assert.deepEqual(block.log.texts, [
      'error plugin/dnstap: Cannot accept a reader of dnstap: accept EMFILE',
    ])
    assert.ok(server.listening)
  })

  test('what cannot be opened is logged, and DNS is served', async (t) => {
    for (const [lines, problem] of [
      [
        'dnstap listen /nowhere/tap.sock',
        /^error .*Failed to start dnstap listener: .*EACCES|ENOENT/,
      ],
      ['dnstap listen tcp://x', /^error .*listener: address x: missing port in address$/],
      ['dnstap listen tls://:1', /^warning .*TLS listener requires cert and key files$/],
      [
        'dnstap listen tls://:1 {\ntls /nowhere/c /nowhere/k\n}',
        /^error .*listener: ENOENT.*\/nowhere\/c'$/,
      ],
    ] as const) {
      const block = new TestBlock(dnstap, lines)
      await block.start(t)
      await eventually(() => block.log.texts.length > 0, lines)
      assert.match(block.log.texts[0]!, problem)
    }
  })
})

describe('dnstap over TLS', { skip: requireTools('openssl') }, () => {
  function certificate(t: TestContext): { cert: string; key: string } {
    const folder = temporaryFolder(t)
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    const out = ['-days', '2', '-keyout', key, '-out', cert]
    execFileSync('openssl', ['req', ...kind, ...subject, ...out], { stdio: 'pipe' })
    return { cert, key }
  }

  test('both ways, verified where it is not told otherwise', async (t) => {
    const { cert, key } = certificate(t)
    const port = await freePort()
    const listening = new TestBlock(
      dnstap,
      `dnstap listen tls://localhost:${port} full {\ntls ${cert} ${key}\n}`,
    )
    await listening.start(t)
    const ca = readFileSync(cert)
    const options = { host: 'localhost', port, servername: 'localhost', ca }
    const reader = new Frames(connectTls(options))
    await eventually(() => reader.controls.includes(2), 'START')
    queryOf(listening, 'secret.test', '10.0.0.7', Protocol.Udp)
    await eventually(() => reader.data.length === 2, 'two messages')
    reader.socket.destroy()

    const strict = new TestBlock(dnstap, `dnstap tls://localhost:${port}`)
    await strict.start(t)
    await eventually(() => strict.log.texts.length > 0, 'a line')
    assert.match(strict.log.texts[0]!, /No connection to dnstap endpoint: self-signed certificate/)
    const lax = new TestBlock(dnstap, `dnstap tls://localhost:${port} {\nskipverify\n}`)
    await lax.start(t)
    // Two writers meet, and neither accepts: but the connection stood.
    await lax.stage.stop!(true)
    assert.deepEqual(lax.log.texts, [])
  })

  test('the authorities that the system trusts may certify a collector', async (t) => {
    const { cert, key } = certificate(t)
    const options = { cert: readFileSync(cert), key: readFileSync(key) }
    const collector = createTlsServer(options).listen(0, '127.0.0.1')
    t.after(() => collector.close())
    await once(collector, 'listening')
    const { SSL_CERT_FILE: before } = process.env
    process.env['SSL_CERT_FILE'] = cert
    t.after(() => {
      if (before === undefined) delete process.env['SSL_CERT_FILE']
      else process.env['SSL_CERT_FILE'] = before
    })
    const { port } = collector.address() as AddressInfo
    const block = new TestBlock(dnstap, `dnstap tls://localhost:${port}`)
    // Whom it does not trust it says nothing to.
    const said: Buffer[] = []
    collector.on('secureConnection', (socket) => {
      socket.on('data', (chunk: Buffer) => said.push(chunk)).on('error', () => {})
      t.after(() => socket.destroy())
    })
    await block.start(t)
    await eventually(() => said.length > 0 || block.log.texts.length > 0, 'READY')
    assert.deepEqual(block.log.texts, [])
  })

  test('who does not shake hands is one of thirty-two', async (t) => {
    const { cert, key } = certificate(t)
    const port = await freePort()
    const listening = new TestBlock(
      dnstap,
      `dnstap listen tls://127.0.0.1:${port} {\ntls ${cert} ${key}\n}`,
    )
    await listening.start(t)
    let closed = 0
    const sockets = Array.from({ length: 40 }, () =>
      connect({ host: '127.0.0.1', port })
        .on('error', () => {})
        .on('close', () => closed++),
    )
    t.after(() => sockets.forEach((socket) => socket.destroy()))
    await eventually(() => closed === 8, 'eight are too many')
  })
})
