import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { protobufFields, ProtobufWriter } from '../../../src/lib/protobuf.ts'
import { Collector, type Post } from '../../../src/plugins/trace/collector.ts'
import { traceCounters } from '../../../src/plugins/trace/counters.ts'
import { trace } from '../../../src/plugins/trace/index.ts'
import { OtlpEncoding } from '../../../src/plugins/trace/otlp.ts'
import { datadogJson, type Span, zipkinJson } from '../../../src/plugins/trace/span.ts'
import { Outcome, Protocol, Query } from '../../../src/serve/query.ts'
import { clientSockaddr } from '../../../src/sys/sockaddr.ts'
import { answerWith, RecordedLog, TestBlock, TestClient } from '../../telemetry/block.ts'
import { eventually } from '../../upstream/scripted.ts'
import { a, message } from '../../wire/message.ts'

interface ReceivedSpan {
  readonly traceId: string
  readonly id: string
  readonly parentId?: string
  readonly kind: string
  readonly name: string
  readonly timestamp: number
  readonly duration: number
  readonly localEndpoint: Readonly<Record<string, unknown>>
  readonly remoteEndpoint: Readonly<Record<string, unknown>>
  readonly tags: Readonly<Record<string, string>>
}

/** A collector over HTTP: what it was sent, path and content type first, octets as Latin-1. */
async function collect(
  t: TestContext,
  status = 202,
  reply: string | Buffer = '{}',
): Promise<{ readonly authority: string; readonly posts: (readonly [string, string, string])[] }> {
  const posts: (readonly [string, string, string])[] = []
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { headers, url = '' } = request
      posts.push([url, headers['content-type'] ?? '', Buffer.concat(parts).toString('latin1')])
      response.writeHead(status).end(reply)
    })
  }
  const server: Server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { authority: `127.0.0.1:${(server.address() as AddressInfo).port}`, posts }
}

function ask(
  block: TestBlock,
  name: string,
  from = '10.0.0.7',
  protocol: Protocol = Protocol.Udp,
): Query {
  const wire = message({ name, id: 7, flags: 0x0100 })
  const q = new Query(new TestClient(protocol, from))
  q.client = clientSockaddr(from, 40_000)
  q.reset(wire, wire.length, block.clock.now)
  block.server.dispatch(q)
  return q
}

const exchange = {
  upstream: '10.96.0.11:53',
  transport: 'tcp',
  local: '',
  query: Buffer.alloc(12),
  reply: Buffer.alloc(12),
}

describe('trace', () => {
  test('one query of so many, and its questions to upstreams, in Zipkin’s words', async (t) => {
    const { authority, posts } = await collect(t)
    const lines = `trace ${authority} {\nevery 2\nservice node\nzipkin_max_batch_interval 10ms\n}`
    const block = new TestBlock(trace, lines)
    await block.start(t)
    block.answer = (q) => {
      block.stage.exchanged!(q, { ...exchange, sentAt: block.clock.now })
      block.stage.exchanged!(q, { ...exchange, sentAt: block.clock.now, reply: null })
      answerWith({ answer: [a('x')] })(q)
    }
    assert.equal(ask(block, 'first.test').traceId, '')
    const { traceId } = ask(block, 'Second.test', 'fd00::7', Protocol.Tcp)
    assert.match(traceId, /^[0-9a-f]{32}$/)
    await eventually(() => posts.length === 1, 'a message')
    const [path, type, body] = posts[0]!
    assert.deepEqual([path, type], ['/api/v2/spans', 'application/json'])
    const [good, bad, server] = JSON.parse(body) as readonly ReceivedSpan[]
    const id = traceId.slice(16)
    assert.deepEqual([server!.traceId, server!.id, server!.parentId], [traceId, id, undefined])
    assert.deepEqual([server!.kind, server!.name], ['SERVER', 'servedns'])
    assert.deepEqual(server!.localEndpoint, { serviceName: 'node' })
    assert.equal(server!.remoteEndpoint['ipv6'], 'fd00::7')
    assert.equal(server!.tags['coredns.io/name'], 'second.test.')
    assert.deepEqual(
      ['type', 'rcode', 'proto'].map((key) => server!.tags[`coredns.io/${key}`]),
      ['A', 'NOERROR', 'tcp'],
    )
    assert.equal(server!.tags['error'], undefined)
    for (const span of [good, bad]) {
      assert.deepEqual([span!.traceId, span!.parentId, span!.kind], [traceId, id, 'CLIENT'])
      assert.deepEqual(span!.remoteEndpoint, { ipv4: '10.96.0.11', port: 53 })
      assert.equal(span!.tags['network.transport'], 'tcp')
    }
    assert.notEqual(good!.id, bad!.id)
    assert.deepEqual([good!.tags['error'], bad!.tags['error']], [undefined, 'true'])
    assert.ok(Math.abs(server!.timestamp / 1000 - Date.now()) < 60_000)
    const labels = block.stage.metadata!
    assert.deepEqual(
      labels.map(({ label }) => label),
      ['trace/traceid'],
    )
    await eventually(
      () => traceCounters.get(`http://${authority}/api/v2/spans`).sent === 3,
      'counted',
    )
  })

  test('nothing with every 0, a drop is a failure, and questions of our own are in the trace', async (t) => {
    const { authority, posts } = await collect(t)
    const none = new TestBlock(trace, `trace ${authority} {\nevery 0\n}`)
    none.answer = answerWith({ answer: [a('x')] })
    assert.equal(ask(none, 'a.test').traceId, '')
    const block = new TestBlock(trace, `trace otlp ${authority}`)
    await block.start(t)
    block.answer = (q) => {
      q.outcome = Outcome.Drop
    }
    const q = ask(block, 'dropped.test')
    const inner = new Query(q.target)
    const wire = message({ name: 'inner.test', id: 7, flags: 0x0100 })
    inner.reset(wire, wire.length, block.clock.now)
    inner.traceId = q.traceId
    inner.depth = 1
    block.stage.observe!(inner)
    await block.stage.stop!(true)
    assert.equal(posts.length, 1)
    const [path, type, body] = posts[0]!
    assert.deepEqual([path, type], ['/v1/traces', 'application/x-protobuf'])
    // The status, last of the span.
    assert.ok(body.endsWith('\x7a\x02\x18\x02'))
    assert.match(body, /dropped\.test\./)
    assert.doesNotMatch(body, /inner/)
  })
})

const span: Span = {
  traceId: '0123456789abcdef0123456789abcdef',
  id: '0123456789abcdef',
  parentId: null,
  name: 'servedns',
  start: 1_700_000_000_000.25,
  duration: 0.5,
  peer: { host: '10.0.0.7', port: 40_000 },
  tags: { key: 'value' },
  failed: false,
}

test('a span in Zipkin’s words', () => {
  assert.deepEqual(JSON.parse(zipkinJson([{ ...span, duration: 0, failed: true }], 's')), [
    {
      traceId: span.traceId,
      id: span.id,
      kind: 'SERVER',
      name: 'servedns',
      timestamp: 1_700_000_000_000_250,
      duration: 1,
      localEndpoint: { serviceName: 's' },
      remoteEndpoint: { ipv4: '10.0.0.7', port: 40_000 },
      tags: { key: 'value', error: 'true' },
    },
  ])
})

/** Fields of protobuf by number, in order; `inner` says which of them are messages. */
function fieldsOf(octets: Buffer, inner: Readonly<Record<number, object>> = {}): unknown {
  return [...protobufFields(octets)].map(({ field, value }) => [
    field,
    typeof value === 'number' || inner[field] === undefined
      ? value
      : fieldsOf(value, inner[field] as Readonly<Record<number, object>>),
  ])
}

test('spans in OpenTelemetry’s words', () => {
  const bytes = Buffer.from(
    new OtlpEncoding('s', '1').encode([
      span,
      { ...span, parentId: 'f'.repeat(16), failed: true, tags: { key: 'ä'.repeat(1000) } },
    ]),
  )
  const keyValue = { 2: {} }
  const shape = { 1: { 1: { 1: keyValue }, 2: { 1: {}, 2: { 9: keyValue, 15: {} } } } }
  const at = (nanoseconds: bigint): Buffer => {
    const octets = Buffer.alloc(8)
    octets.writeBigUInt64LE(nanoseconds)
    return octets
  }
  const of = (text: string): Buffer => Buffer.from(text)
  const attribute = (key: string, value: string | number): unknown => [
    9,
    [
      [1, of(key)],
      [2, [typeof value === 'string' ? [1, of(value)] : [3, value]]],
    ],
  ]
  const spanFields = (kind: number, parent: unknown[], value: string, status: unknown[]) => [
    2,
    [
      [1, Buffer.from(span.traceId, 'hex')],
      [2, Buffer.from(span.id, 'hex')],
      ...parent,
      [5, of('servedns')],
      [6, kind],
      [7, at(1_700_000_000_000_250_000n)],
      [8, at(1_700_000_000_000_750_000n)],
      attribute('key', value),
      attribute('network.peer.address', '10.0.0.7'),
      attribute('network.peer.port', 40_000),
      ...status,
    ],
  ]
  const resource = [
    1,
    [
      [
        1,
        [
          [1, of('service.name')],
          [2, [[1, of('s')]]],
        ],
      ],
    ],
  ]
  const scope = [
    1,
    [
      [1, of('dnslet')],
      [2, of('1')],
    ],
  ]
  const parent = [4, Buffer.alloc(8, 0xff)]
  const spans = [
    spanFields(2, [], 'value', []),
    spanFields(3, [parent], 'ä'.repeat(1000), [[15, [[3, 2]]]]),
  ]
  assert.deepEqual(fieldsOf(bytes, shape), [[1, [resource, [2, [scope, ...spans]]]]])
})

test('Datadog has a list for each trace, and whole numbers', () => {
  const root = { ...span, traceId: `${'0'.repeat(15)}1${'f'.repeat(16)}`, id: 'f'.repeat(16) }
  const child = { ...root, id: '2'.padStart(16, '0'), parentId: root.id, failed: true, duration: 0 }
  const other = { ...span, traceId: '3'.padStart(32, '0') }
  const text = datadogJson([root, other, child], 's', 0.5)
  const most = '18446744073709551615'
  assert.ok(text.startsWith(`[[{"trace_id":${most},"span_id":${most},"parent_id":0,`), text)
  assert.ok(text.includes(`{"trace_id":${most},"span_id":2,"parent_id":${most},`), text)
  const [[first, second], [third]] = JSON.parse(text) as [unknown[], unknown[]] as [
    Record<string, unknown>[],
    Record<string, unknown>[],
  ]
  assert.deepEqual(
    [first!['start'], first!['duration'], first!['error'], first!['metrics']],
    [1_700_000_000_000_250_000, 500_000, 0, { '_dd1.sr.eausr': 0.5 }],
  )
  assert.deepEqual(first!['meta'], {
    key: 'value',
    'coredns.io@remote': '10.0.0.7',
    'span.kind': 'server',
    '_dd.p.tid': '0000000000000001',
  })
  assert.deepEqual([second!['error'], second!['duration'], second!['metrics']], [1, 1000, {}])
  assert.equal(third!['trace_id'], 3)
  assert.deepEqual([third!['service'], third!['type'], third!['name']], ['s', 'dns', 'servedns'])
})

describe('a collector', () => {
  const config = { url: 'http://c/', backlog: 4, batch: 3 }
  const open = (post: Post, now = (): number => 0, interval = 60_000) => {
    const counters = { sent: 0, dropped: 0 }
    const log = new RecordedLog()
    const encoding = {
      contentType: 'x/y',
      encode: (spans: readonly Span[]) => String(spans.length),
    }
    const collector = new Collector({
      config: { ...config, interval },
      counters,
      log,
      now,
      encoding,
      post,
    })
    return { collector, counters, log }
  }
  const add = (collector: Collector, count: number): void => {
    for (let i = 0; i < count; i++) collector.add(span)
  }

  test('gets a batch at a time, and while it takes one, the oldest give way', async () => {
    const posts: unknown[] = []
    let taken: () => void = () => {}
    const { collector, counters } = open((_url, body) => {
      posts.push(body)
      return new Promise((resolve) => {
        taken = () => resolve(Buffer.alloc(0))
      })
    })
    add(collector, 2)
    assert.deepEqual(posts, [])
    add(collector, 7)
    assert.deepEqual([posts, counters.dropped], [['3'], 2])
    taken()
    await eventually(() => posts.length === 2, 'the next')
    assert.deepEqual([posts, counters.sent], [['3', '4'], 3])
    taken()
    add(collector, 1)
    const ended = collector.end()
    await eventually(() => posts.length === 3, 'the rest')
    taken()
    await ended
    assert.deepEqual([posts, counters.sent], [['3', '4', '1'], 8])
  })

  test('gets what there is once in an interval, however much comes', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const posts: unknown[] = []
    const post = (_url: unknown, body: unknown): Promise<Buffer> => {
      posts.push(body)
      return Promise.resolve(Buffer.alloc(0))
    }
    const { collector } = open(post, undefined, 1_000)
    add(collector, 1)
    t.mock.timers.tick(500)
    add(collector, 1)
    t.mock.timers.tick(500)
    assert.deepEqual(posts, ['2'])
    await nextTurn()
    add(collector, 1)
    t.mock.timers.tick(999)
    assert.deepEqual(posts, ['2'])
    t.mock.timers.tick(1)
    assert.deepEqual(posts, ['2', '1'])
  })

  test('slower than the interval gets what came meanwhile, few as it is', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const posts: unknown[] = []
    let taken: () => void = () => {}
    const { collector } = open(
      (_url, body) => {
        posts.push(body)
        return new Promise((resolve) => {
          taken = () => resolve(Buffer.alloc(0))
        })
      },
      undefined,
      1_000,
    )
    add(collector, 1)
    t.mock.timers.tick(1_000)
    add(collector, 1)
    t.mock.timers.tick(1_000)
    assert.deepEqual(posts, ['1'])
    taken()
    await nextTurn()
    add(collector, 1)
    t.mock.timers.tick(1_000)
    assert.deepEqual(posts, ['1', '2'])
    taken()
  })

  test('waits for an interval that no timer of Node can', async () => {
    const posts: unknown[] = []
    const post: Post = (_url, body) => {
      posts.push(body)
      return Promise.resolve(Buffer.alloc(0))
    }
    const { collector } = open(post, undefined, 2 ** 40)
    add(collector, 1)
    await delay(10)
    assert.deepEqual(posts, [])
    await collector.end()
    assert.deepEqual(posts, ['1'])
  })

  test('that fails is told of once for each time of trouble', async () => {
    let time = 0
    const { collector, counters, log } = open(
      () => Promise.reject(new Error('fetch failed', { cause: new Error('refused') })),
      () => time,
    )
    for (const at of [0, 1000, 100_000]) {
      time = at
      add(collector, 1)
      await collector.end()
    }
    assert.equal(counters.dropped, 3)
    const line = 'warning Cannot send spans to http://c/: refused'
    assert.deepEqual(log.texts, [line, line])
  })

  test('that answers with an error has not taken them', async (t) => {
    const { authority } = await collect(t, 503)
    const block = new TestBlock(trace, `trace ${authority}`)
    await block.start(t)
    block.answer = answerWith({ answer: [a('x')] })
    ask(block, 'a.test')
    await block.stage.stop!(true)
    assert.match(block.log.texts.join(), /Cannot send spans to .*: status 503/)
    assert.equal(traceCounters.get(`http://${authority}/api/v2/spans`).dropped, 1)
  })
  test('that takes a part of them says so, and its reply may be anything', async (t) => {
    const partial = (spans: number, reason: string): Buffer => {
      const w = new ProtobufWriter(Buffer.alloc(8))
      const start = w.begin(1)
      if (spans > 0) w.number(1, spans)
      w.text(2, reason)
      w.end(start)
      return w.written
    }
    const rows: readonly (readonly [Buffer, sent: number, said: RegExp])[] = [
      [partial(1, 'too old'), 0, /took 0 of 1 spans: too old$/],
      [partial(2 ** 40, 'x'.repeat(3000)), 0, /took 0 of 1 spans: x{200}$/],
      [partial(0, 'soon over'), 1, /took 1 of 1 spans: soon over$/],
      [partial(0, ''), 1, /^$/],
      [Buffer.from('{"partialSuccess":{}}'), 1, /^$/],
      [Buffer.alloc(100_000, 0xff), 1, /^$/],
    ]
    for (const [reply, sent, said] of rows) {
      const { authority } = await collect(t, 200, reply)
      const block = new TestBlock(trace, `trace otlp ${authority}`)
      await block.start(t)
      block.answer = answerWith({ answer: [a('x')] })
      ask(block, 'a.test')
      await block.stage.stop!(true)
      assert.match(block.log.texts.join(), said)
      const counters = traceCounters.get(`http://${authority}/v1/traces`)
      assert.deepEqual(counters, { sent, dropped: 1 - sent })
    }
  })
})
