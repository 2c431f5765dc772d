// What bad, odd and greedy clients of the admin socket get; docs/limits.md has the bounds.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Admin, peerCheck } from '../../src/admin/index.ts'
import { Lines } from '../../src/admin/routes.ts'
import type { CacheLookup, Purged, Status } from '../../src/admin/api.ts'
import { lookUp } from '../../src/lib/look-up.ts'
import type { Libc } from '../../src/sys/libc.ts'
import { exposition } from '../../src/telemetry/metrics.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { waitUntil } from '../helpers/processes.ts'
import { COREFILE, operate, type Operated, statusOf } from './harness.ts'

const HEAD = 'Host: x\r\nConnection: close\r\n'

function post(path: string, body: string | Buffer, method = 'POST'): Buffer {
  const head = `${method} ${path} HTTP/1.1\r\n${HEAD}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(body)])
}

function get(target: string): string {
  return `GET ${target} HTTP/1.1\r\n${HEAD}\r\n`
}

async function counted(): Promise<Record<string, number>> {
  const { body } = await exposition('text/plain')
  return Object.fromEntries(
    [
      ...body.matchAll(/^dnslet_admin_requests_total\{route="([^"]*)",status="(\d+)"\} (\d+)$/gm),
    ].map(([, route, status, count]) => [`${route} ${status}`, Number(count)]),
  )
}

test('each bad request gets its status, is counted, and nothing else happens', async (t) => {
  const one = await operate(t)
  const purge = '/v1/cache/purge'
  const label63 = 'a'.repeat(63)
  const name255 = `${[label63, label63, label63, 'a'.repeat(61)].join('.')}.`
  const cases: readonly (readonly [what: string, octets: string | Buffer, status: number])[] = [
    ['a header of 20 KiB', `GET /v1/status HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['a request line of 20 KiB', get(`/v1/status?${'x'.repeat(20_000)}`), 431],
    ['a body of 65,537 octets', post(purge, `"${'x'.repeat(65_535)}"`), 413],
    ['a body of 10 MB in chunks', chunked(purge, 10), 413],
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['a NUL in the head', 'GET /v1/status HTTP/1.1\r\nHost: \0\r\n\r\n', 400],
    [
      'two lengths',
      `POST ${purge} HTTP/1.1\r\n${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`,
      400,
    ],
    ['TLS', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]), 400],
    ['no route', get('/v2/status'), 404],
    ['a path upwards', get('/v1/../../etc/passwd'), 404],
    ['a member of Object', get('/__proto__'), 404],
    ['a wrong method', post('/v1/status', '{}'), 405],
    ['an odd method', post(purge, '{}', 'DELETE'), 405],
    ['TRACE', `TRACE /v1/status HTTP/1.1\r\n${HEAD}\r\n`, 405],
    ['no JSON', post(purge, '{"name":'), 400],
    ['no body', post(purge, ''), 400],
    ['JSON that is no object', post(purge, '["name"]'), 400],
    ['an object of nothing', post(purge, '{}'), 400],
    ['an unknown member', post(purge, '{"suffx":"."}'), 400],
    ['a member of another type', post(purge, '{"name":7}'), 400],
    ['a prototype', post(purge, '{"__proto__":{"name":"."}}'), 400],
    ['JSON in JSON in JSON', post(purge, '['.repeat(60_000)), 400],
    ['octets that are no UTF-8', post(purge, Buffer.from([0x22, 0xff, 0xfe, 0x22])), 400],
    ['a name with control characters', get('/v1/cache?name=a%1b%5b31m.test'), 200],
    ['a name with NUL', get('/v1/cache?name=a%00b.test'), 200],
    ['a name of 255 octets', get(`/v1/cache?name=${name255}`), 200],
    ['one of 256', get(`/v1/cache?name=a${name255}`), 400],
    ['a label of 64', get(`/v1/cache?name=${label63}a.test`), 400],
    ['an empty label', get('/v1/cache?name=a..test'), 400],
    ['no name', get('/v1/cache'), 400],
    ['a name twice', get('/v1/cache?name=a&name=b'), 400],
    ['no type', get('/v1/cache?name=a&type=NOPE'), 400],
    ['a type beyond 65,535', get('/v1/cache?name=a&type=TYPE65536'), 400],
    ['a broken escape', get('/v1/cache?name=%zz'), 200],
    ['an unknown parameter', get('/v1/status?all=1'), 400],
    ['a level that is none', post('/v1/log-level', '{"level":"\\u001b"}', 'PUT'), 400],
    ['null for a level', post('/v1/log-level', 'null', 'PUT'), 400],
    ['HEAD', `HEAD /v1/cache/dump HTTP/1.1\r\n${HEAD}\r\n`, 200],
  ]
  const before = await counted()
  for (const [what, octets, status] of cases) {
    const text = await one.raw(octets)
    assert.equal(statusOf(text), status, `${what}: ${text.slice(0, 300)}`)
    // Nothing in an answer moves a terminal.
    assert.match(text.replaceAll(/[\r\n]/g, ''), /^[ -~]*$/, what)
  }
  const after = await counted()
  const total = (counts: Record<string, number>): number =>
    Object.values(counts).reduce((sum, count) => sum + count, 0)
  assert.equal(total(after) - total(before), cases.length)
  // However many there are to be, labels are those of routes.
  assert.deepEqual(
    Object.keys(after).filter(
      (key) => !/^(\/v1\/[a-z/.-]+|unknown|malformed|refused) \d+$/.test(key),
    ),
    [],
  )
  assert.equal((await one.client.get<Status>('/v1/status')).pid, process.pid)
})

/** @param megabytes of body */
function chunked(path: string, megabytes: number): Buffer {
  const chunk = Buffer.from(`100000\r\n${'x'.repeat(0x100000)}\r\n`)
  const head = `POST ${path} HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`
  return Buffer.concat([
    Buffer.from(head),
    ...Array.from({ length: megabytes }, () => chunk),
    Buffer.from('0\r\n\r\n'),
  ])
}

test('of a thousand connections eight are open, and the newest is answered', async (t) => {
  const one = await operate(t)
  const sockets: Socket[] = []
  let closed = 0
  for (let i = 0; i < 1000; i++) {
    const socket = connect(one.socket)
    socket.on('error', () => {}).on('close', () => closed++)
    await once(socket, 'connect')
    sockets.push(socket.resume())
  }
  assert.equal((await one.client.get<Status>('/v1/status')).pid, process.pid)
  await waitUntil('the surplus cut', () => closed >= 992)
  assert.equal(one.log.lines.filter((line) => line.includes('HTTP connections are open')).length, 1)
  for (const socket of sockets) socket.destroy()
})

test('a client that does not read is not written for, and its end is the end of it', async (t) => {
  const made = { lines: 0, isOver: false }
  function* endless(): Generator<string> {
    try {
      for (;;) {
        made.lines++
        yield 'x'.repeat(1000)
      }
    } finally {
      made.isOver = true
    }
  }
  const route = {
    method: 'GET',
    path: '/v1/endless',
    summary: 'Endless',
    answer: { type: 'string' },
    handle: () => new Lines(endless()),
  } as const
  const one = await operate(t, { routes: [route] })
  const socket = connect(one.socket)
  socket.pause().write('GET /v1/endless HTTP/1.1\r\nHost: x\r\n\r\n')
  let last = -1
  await waitUntil('the end of writing', () => {
    const still = made.lines === last && last > 0
    last = made.lines
    return still
  })
  assert.ok(made.lines < 2_000, `${made.lines} lines for nobody`)
  // Others are answered meanwhile.
  assert.equal((await one.client.get<Status>('/v1/status')).pid, process.pid)
  const read = made.lines
  socket.resume()
  await waitUntil('more lines', () => made.lines > read + 2_000)
  socket.destroy()
  await waitUntil('the end of the dump', () => made.isOver)
})

async function fill({ daemon }: Operated, count: number): Promise<void> {
  const { host, port } = daemon.addresses[0]!
  const names = Array.from({ length: count }, (_, i) => `n${i}.cluster.local.`)
  await Promise.all(names.map((name) => lookUp([`${host}:${port}`], name, 5_000).catch(() => {})))
}

test('a purge and a reload while a dump is under way leave it whole lines, each once', async (t) => {
  const one = await operate(t)
  await fill(one, 200)
  const dump = one.raw(get('/v1/cache/dump'))
  const second = one.raw(get('/v1/cache/dump'))
  const [text, other, { purged }] = await Promise.all([
    dump,
    second,
    one.client.post<Purged>('/v1/cache/purge', { suffix: 'cluster.local' }),
    one.reload(COREFILE.replace('cache\n', 'cache 60\n')),
  ])
  const lines = text.split('\r\n').filter((line) => line.startsWith('{'))
  const parsed = lines
    .flatMap((line) => line.trim().split('\n'))
    .map((line) => JSON.parse(line) as CacheLookup['answers'][number])
  const keys = parsed.map(({ name, type }) => `${name} ${type}`)
  assert.equal(new Set(keys).size, keys.length)
  assert.ok(purged <= 400 && [200, 503].includes(statusOf(other)))
  await one.client.post('/v1/cache/purge', { suffix: '.' })
  const status = await one.client.get<Status>('/v1/status')
  assert.equal(status.blocks[0]!.cache!.success.entries, 0)
})

test('only root and the own user are admitted, and who is not is told of once', async (t) => {
  const log = new LinesLog()
  const one = await operate(t)
  const socket = connect(one.socket)
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  const peerOf = (uid: number): Libc =>
    ({
      getsockopt: (_fd: number, _level: number, _option: number, value: Buffer) => {
        value.writeInt32LE(77, 0)
        value.writeUInt32LE(uid, 4)
        return 0
      },
    }) as unknown as Libc
  const admits = (peer: number, own: number): boolean => peerCheck(log, peerOf(peer), own)(socket)
  assert.deepEqual([admits(0, 1000), admits(1000, 1000), admits(0, 0)], [true, true, true])
  assert.deepEqual(log.lines, [])
  const check = peerCheck(log, peerOf(65_534), 1000)
  assert.deepEqual([check(socket), check(socket)], [false, false])
  assert.deepEqual(log.lines, ['[WARNING] User 65534 (process 77) was refused at the admin socket'])
  const gone = { getsockopt: () => -1, errno: () => 9 } as unknown as Libc
  assert.equal(peerCheck(log, gone, 0)(socket), false)
  // The directory's mode is the guard then.
  assert.equal(peerCheck(log, null, 1000)(socket), true)
  assert.ok(((await counted())['refused 0'] ?? 0) >= 3)
})

test('who is refused reads nothing', async (t) => {
  const one = await operate(t, { directory: null })
  const { UnixHttpListener } = await import('../../src/telemetry/http-unix.ts')
  const listener = await UnixHttpListener.open({
    path: one.socket,
    find: () => assert.fail('it was read'),
    admits: () => false,
    malformed: () => assert.fail('it was read'),
    connections: 1,
    log: one.log,
  })
  t.after(() => listener.close())
  assert.equal(await one.raw(get('/v1/status')), '')
  await sleep(0)
  assert.ok(one.admin instanceof Admin)
})

test('a body that ends too early is counted as a bad request, and does nothing', async (t) => {
  const one = await operate(t)
  const before = (await counted())['/v1/cache/purge 400'] ?? 0
  const socket = connect(one.socket)
  const head = `POST /v1/cache/purge HTTP/1.1\r\n${HEAD}Content-Length: 99\r\n\r\n{"suffix":"."`
  socket.write(head, () => setImmediate(() => socket.destroy()))
  await waitUntil('the count', async () => (await counted())['/v1/cache/purge 400'] === before + 1)
})
