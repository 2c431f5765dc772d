import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import type { HttpLease, HttpReply, HttpRoutes } from '../../src/lib/http.ts'
import { plainText, TIMEOUT_MS } from '../../src/telemetry/http-answer.ts'
import { HttpServer } from '../../src/telemetry/http-server.ts'
import { type QuickRequest, quickRequest } from '../../src/telemetry/http-quick.ts'
import { plainHttp } from '../helpers/http.ts'

const probe = (path: string, more = '', connection = 'close'): string =>
  `GET ${path} HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nUser-Agent: kube-probe/1.33\r\nAccept: */*\r\n` +
  `${more}Connection: ${connection}\r\n\r\n`

/** What Chromium adds to them. */
const BROWSER =
  'Cache-Control: max-age=0\r\nsec-ch-ua: "Chromium";v="150"\r\nsec-ch-ua-mobile: ?0\r\n' +
  'Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Site: none\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n' +
  'Accept-Language: en-US,en;q=0.9\r\n'

/** All that comes for what is sent, piece by piece, until the server ends the connection. */
async function exchange(port: number, ...pieces: string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const closed = once(socket, 'close')
  socket.setNoDelay(true)
  let said = ''
  socket.setEncoding('utf8').on('data', (text: string) => (said += text))
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await closed
  return said
}

test('a simple request is a whole GET of which only path, Accept and Connection matter', () => {
  const read = (text: string): QuickRequest | null => quickRequest(Buffer.from(text, 'latin1'))
  const simple = { path: '/health', query: '', accept: '*/*', closes: true }
  assert.deepEqual(read(probe('/health')), simple)
  assert.deepEqual(read(probe('/health', 'Accept-Encoding: gzip\r\n')), simple)
  assert.deepEqual(read(probe('/health', '', 'keep-alive')), { ...simple, closes: false })
  assert.deepEqual(read('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'), {
    path: '/metrics',
    query: '',
    accept: '',
    closes: false,
  })
  const scrape = 'X-Prometheus-Scrape-Timeout-Seconds: 10\r\n'
  assert.deepEqual(read(probe('/metrics', scrape)), { ...simple, path: '/metrics' })
  const asked = { ...simple, path: '/v1/top', query: 'limit=2&x=?' }
  assert.deepEqual(read(probe('/v1/top?limit=2&x=?')), asked)
  assert.deepEqual(read(probe('/', BROWSER)), { ...simple, path: '/' })
  assert.deepEqual(read(probe('/health').replace('*/*', ' */* ')), simple)
  for (const other of [
    probe('/health', '', 'upgrade'),
    probe('/health', 'Connection: keep-alive\r\n'),
    probe('/health', 'Accept: text/plain\r\n'),
    probe('/health', 'Content-Length: 3\r\n'),
    probe('/health', 'Transfer-Encoding: chunked\r\n'),
    probe('/health', 'Host: another\r\n'),
    probe('/health', `Accept: ${'x'.repeat(1_000)}\r\n`),
    probe('/health', 'Cookie: a=b\r\n'),
    probe('/health', 'Expect: 100-continue\r\n'),
    probe('health'),
    probe('/a b'),
    probe('/health').slice(0, -1),
    `${probe('/health')}GET`,
    probe('/health').repeat(2),
    probe('/health').replace('GET', 'POST'),
    probe('/health').replace('1.1', '1.0'),
    probe('/health').replace('Host: 10.0.0.1:8080\r\n', ''),
    probe('/health').replace('\r\n', '\n'),
    '\x16\x03\x01\x02\x00',
    '',
  ]) {
    assert.equal(read(other), null, JSON.stringify(other))
  }
})

test('probes, and what is none, get the same answers', async (t) => {
  const routes: HttpRoutes = {
    '/health': () => plainText(200, 'OK'),
    '/ready': () => plainText(503, 'Starting'),
    '/metrics': () => plainText(200, 'x 1\n'),
  }
  const lease = await plainHttp.acquire('127.0.0.1:0', routes)
  t.after(() => lease.release())
  const { port } = lease
  const lines = (text: string): string[] =>
    text
      .replaceAll(/^Date: .*$/gm, 'Date')
      .split('\r\n')
      .toSorted()
  for (const path of ['/health', '/ready', '/metrics', '/none']) {
    const quick = await exchange(port, probe(path))
    const usual = await exchange(port, probe(path, 'X-More: 1\r\n'))
    assert.deepEqual(lines(quick), lines(usual))
    const more = probe(path, '', 'keep-alive')
    const kept = await exchange(port, more, probe(path))
    const keptUsual = await exchange(port, more.replace('Accept', 'X-More'), probe(path))
    assert.deepEqual(lines(kept), lines(keptUsual))
    assert.match(quick, /^HTTP\/1\.1 [0-9]{3} /)
  }
  const cut = probe('/health')
  assert.match(
    await exchange(port, cut.slice(0, 20), cut.slice(20)),
    /^HTTP\/1\.1 200 OK\r\n.*OK$/s,
  )
  assert.match(await exchange(port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /)
})

function* broken(): Generator<string> {
  yield 'x'.repeat(100_000)
  throw new RangeError('broken')
}

test('a route that fails is a failure of the probe, and its text is told', async (t) => {
  const lease = await plainHttp.acquire('127.0.0.1:0', {
    '/health': () => {
      throw new RangeError('broken')
    },
    '/ready': () => ({ status: 200, contentType: 'text/plain', body: ['a', 'bé'] }),
    '/broken': () => ({ status: 200, contentType: 'text/plain', body: broken() }),
    '/moved': () => ({ ...plainText(302, ''), location: '/ready' }),
    '/v1/top': ({ query }) => ({ ...plainText(405, String(query)), allow: 'PUT' }),
  })
  t.after(() => lease.release())
  const failed = await exchange(lease.port, probe('/health'))
  assert.match(
    failed,
    /^HTTP\/1\.1 500 Internal Server Error\r\n.*Cannot answer \/health: broken\n$/s,
  )
  assert.match(
    await exchange(lease.port, probe('/ready')),
    /Transfer-Encoding: chunked\r\n\r\n4\r\nabé\r\n0\r\n\r\n$/s,
  )
  // What is not whole has no end.
  assert.match(await exchange(lease.port, probe('/broken')), /\r\n\r\n(?!.*0\r\n\r\n)/s)
  const moved = await exchange(lease.port, probe('/moved'))
  assert.match(moved, /^HTTP\/1\.1 302 Found\r\n.*Location: \/ready\r\n/s)
  const refused = await exchange(lease.port, probe('/v1/top?a=b'))
  assert.match(refused, /^HTTP\/1\.1 405 Method Not Allowed\r\n.*Allow: PUT\r\n.*\na=b$/s)
  for (const more of ['', 'X-More: 1\r\n']) {
    const twice = await exchange(lease.port, probe('/v1/top?a=b?c', more))
    assert.match(twice, /\na=b%3Fc$/)
  }
})

test('who says nothing, or hangs up, holds up no end', async () => {
  const lease = await plainHttp.acquire('127.0.0.1:0', { '/health': () => plainText(200, 'OK') })
  const gone = connect(lease.port, '127.0.0.1').resume()
  gone.end()
  await once(gone, 'close')
  const silent = connect(lease.port, '127.0.0.1')
    .on('error', () => {})
    .resume()
  await once(silent, 'connect')
  assert.match(await exchange(lease.port, probe('/health')), /OK$/)
  const closed = once(silent, 'close')
  await lease.release()
  await closed
})

interface Slowly {
  readonly lease: HttpLease
  readonly asked: () => Promise<void>
  readonly answer: (body: string) => Promise<void>
}

/** A listener whose `/metrics` waits for `answer()`. */
async function slowly(): Promise<Slowly> {
  const waiting: ((reply: HttpReply) => void)[] = []
  const lease = await plainHttp.acquire('127.0.0.1:0', {
    '/metrics': () => new Promise((resolve) => waiting.push(resolve)),
  })
  const asked = async (): Promise<void> => {
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const answer = async (body: string): Promise<void> => {
    await asked()
    waiting.shift()!(plainText(200, body))
  }
  return { lease, asked, answer }
}

const scrape = probe('/metrics', '', 'keep-alive')

test('what is said ahead of an answer is answered behind it, by whoever can', async (t) => {
  const { lease, answer } = await slowly()
  t.after(() => lease.release())
  const all = exchange(lease.port, scrape, scrape + probe('/none'))
  await answer('first')
  await answer('second')
  assert.match(await all, /^HTTP.* 200 OK.*\nfirstHTTP.* 200 OK.*\nsecondHTTP.* 404 Not Found.*$/s)
})

test('who has said all gets an answer, and then the end', async (t) => {
  const { lease, answer } = await slowly()
  t.after(() => lease.release())
  const socket = connect({ port: lease.port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end(scrape)
  await answer('the last')
  let said = ''
  for await (const text of socket.setEncoding('utf8')) said += text as string
  assert.match(said, /keep-alive.*the last$/s)
})

test('a listener that closes answers what it was asked, and ends what waits', async () => {
  const { lease, asked, answer } = await slowly()
  const all = exchange(lease.port, scrape)
  const idle = connect(lease.port, '127.0.0.1').resume()
  await once(idle, 'connect')
  await asked()
  const closed = lease.release()
  await once(idle, 'close')
  await answer('late')
  assert.match(await all, /Connection: close\r\n\r\nlate$/)
  await closed
})

test('simple requests, one behind the other, never come to node:http', async (t) => {
  const asked: string[] = []
  const { server } = new HttpServer({
    admits: () => true,
    quick: async (socket, { path, accept }) => {
      asked.push(`${path} ${accept}`)
      // As a route that may take longer does: it counts for this answer alone.
      assert.equal(socket.timeout, TIMEOUT_MS)
      socket.setTimeout(2 * TIMEOUT_MS)
      socket.write(asked.length < 3 ? 'more' : 'end')
      return asked.length < 3
    },
    serve: () => assert.fail('node:http was asked'),
  })
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('utf8')
  for (const expected of ['more', 'more', 'end']) {
    socket.write(scrape)
    assert.deepEqual(await once(socket, 'data'), [expected])
  }
  socket.destroy()
  assert.deepEqual(asked, new Array(3).fill('/metrics */*'))
})
