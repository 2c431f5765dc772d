import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get as httpGet, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { HttpRoute } from '../../src/lib/http.ts'
import { Descriptors } from '../../src/sys/descriptors.ts'
import { libc } from '../../src/sys/libc.ts'
import { duplicate } from '../../src/sys/scm.ts'
import { bindTcp } from '../../src/sys/socket.ts'
import { HttpListenError } from '../../src/telemetry/http.ts'
import { plainText } from '../../src/telemetry/http-answer.ts'
import { httpOf, plainHttp } from '../helpers/http.ts'
import { freePort } from '../helpers/ports.ts'

function says(body: string): HttpRoute {
  return () => plainText(200, body)
}

async function get(port: number, path: string, host = '127.0.0.1'): Promise<[number, string]> {
  const response = await fetch(`http://${host}:${port}${path}`)
  return [response.status, await response.text()]
}

test('acquire() serves exact paths and answers 404 to all others', async (t) => {
  const lease = await plainHttp.acquire('127.0.0.1:0', { '/health': says('OK') })
  t.after(() => lease.release())
  assert.equal(lease.address, `127.0.0.1:${lease.port}`)
  assert.deepEqual(await get(lease.port, '/health'), [200, 'OK'])
  assert.deepEqual(await get(lease.port, '/health?full=1'), [200, 'OK'])
  for (const path of ['/', '/health/', '/healthz', '/toString']) {
    assert.deepEqual(await get(lease.port, path), [404, '404 page not found\n'])
  }
  const response = await fetch(`http://${lease.address}/x`)
  assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
  assert.equal(await response.text(), '404 page not found\n')
})

test('a request for an absolute URI, as proxies send it, is one for its path', async (t) => {
  const echo: HttpRoute = ({ query }) => plainText(200, query.toString())
  const lease = await plainHttp.acquire('127.0.0.1:0', { '/health': echo })
  t.after(() => lease.release())
  const options = { port: lease.port, path: 'http://10.0.0.1:8080/health?a=1', agent: false }
  const [response] = (await once(httpGet(options), 'response')) as [IncomingMessage]
  assert.deepEqual([response.statusCode, await text(response)], [200, 'a=1'])
})

test('HEAD gets the headers alone, and any other method what GET gets, as in CoreDNS', async (t) => {
  const lease = await plainHttp.acquire('127.0.0.1:0', { '/health': says('OK') })
  t.after(() => lease.release())
  const url = `http://${lease.address}/health`
  const head = await fetch(url, { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, '2'])
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const body = method === 'DELETE' ? null : 'x'.repeat(100_000)
    const response = await fetch(url, { method, body })
    assert.deepEqual([response.status, await response.text()], [200, 'OK'])
  }
})

test(
  'who says more than probes do keeps his connection when another such one ends',
  { timeout: 10_000 },
  async (t) => {
    const lease = await plainHttp.acquire('127.0.0.1:0', { '/health': says('OK') })
    t.after(() => lease.release())
    const open = async (): Promise<Socket> => {
      const socket = connect(lease.port, '127.0.0.1')
      t.after(() => socket.destroy())
      await ask(socket)
      return socket
    }
    const ask = async (socket: Socket): Promise<void> => {
      socket.write('GET /health HTTP/1.1\r\nHost: x\r\nX-More: 1\r\n\r\n')
      const [answer] = (await once(socket, 'data', { signal: t.signal })) as [Buffer]
      assert.match(answer.toString(), /^HTTP\/1\.1 200 OK/)
    }
    const [one, other] = [await open(), await open()]
    one.end()
    await once(one, 'close')
    await ask(other)
  },
)

test('two plugins share one address, and localhost is 127.0.0.1', async (t) => {
  const health = await plainHttp.acquire('127.0.0.1:0', { '/health': says('OK') })
  const metrics = await plainHttp.acquire(`localhost:${health.port}`, { '/metrics': says('# EOF') })
  t.after(() => Promise.all([health.release(), metrics.release()]))
  assert.deepEqual(await get(health.port, '/health'), [200, 'OK'])
  assert.deepEqual(await get(health.port, '/metrics'), [200, '# EOF'])
  await metrics.release()
  assert.deepEqual(await get(health.port, '/metrics'), [404, '404 page not found\n'])
  assert.deepEqual(await get(health.port, '/health'), [200, 'OK'])
})

test('a reload shows no gap: the younger share answers, and the older again when it is gone', async (t) => {
  const old = await plainHttp.acquire(`127.0.0.1:${await freePort()}`, {
    '/health': says('old'),
  })
  const next = await plainHttp.acquire(old.address, { '/health': says('new') })
  t.after(() => Promise.all([old.release(), next.release()]))
  assert.deepEqual(await get(old.port, '/health'), [200, 'new'])
  await next.release()
  assert.deepEqual(await get(old.port, '/health'), [200, 'old'])
  const third = await plainHttp.acquire(old.address, { '/health': says('third') })
  await old.release()
  await old.release()
  assert.deepEqual(await get(third.port, '/health'), [200, 'third'])
  await third.release()
  await assert.rejects(get(third.port, '/health'))
})

test('the last release closes the address for everybody else', async () => {
  const lease = await plainHttp.acquire(`127.0.0.1:${await freePort()}`, {})
  await lease.release()
  const server = createServer().listen(lease.port, '127.0.0.1')
  await once(server, 'listening')
  server.close()
})

test('an address in use is an error that names address and remedy', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const { port } = other.address() as { port: number }
  const error = {
    name: 'HttpListenError',
    code: 'EADDRINUSE',
    message:
      `Cannot listen on 127.0.0.1:${port}: the address is in use: ` +
      'stop the program that uses it or configure another address',
  }
  const both = [
    plainHttp.acquire(`127.0.0.1:${port}`, {}),
    plainHttp.acquire(`127.0.0.1:${port}`, {}),
  ]
  await Promise.all(both.map((attempt) => assert.rejects(attempt, error)))
  other.close()
  await once(other, 'close')
  const lease = await plainHttp.acquire(`127.0.0.1:${port}`, {})
  await lease.release()
})

test('an address no interface has and a malformed one are errors', async () => {
  await assert.rejects(plainHttp.acquire('192.0.2.1:0', {}), { code: 'EADDRNOTAVAIL' })
  await assert.rejects(plainHttp.acquire('8080', {}), (error) => {
    assert.ok(error instanceof HttpListenError)
    assert.equal(error.message, 'Cannot listen: address 8080: missing port in address')
    return true
  })
})

test('an address without host listens on every interface, one in brackets on IPv6', async (t) => {
  const all = await plainHttp.acquire(':0', { '/health': says('all') })
  const six = await plainHttp.acquire('[::1]:0', { '/health': says('six') })
  t.after(() => Promise.all([all.release(), six.release()]))
  assert.equal(all.address, `:${all.port}`)
  assert.deepEqual(await get(all.port, '/health', '127.0.0.2'), [200, 'all'])
  assert.equal(six.address, `[::1]:${six.port}`)
  assert.deepEqual(await get(six.port, '/health', '[::1]'), [200, 'six'])
})

test('a route that throws is answered with 500 and its reason', async (t) => {
  const lease = await plainHttp.acquire('127.0.0.1:0', {
    '/metrics': () => Promise.reject(new Error('no such file')),
  })
  t.after(() => lease.release())
  assert.deepEqual(await get(lease.port, '/metrics'), [
    500,
    'Cannot answer /metrics: no such file\n',
  ])
})

test('a second process may listen on the same address while the first does (SO_REUSEPORT)', async (t) => {
  const lease = await plainHttp.acquire('127.0.0.1:0', { '/health': says('OK') })
  const successor = createServer().listen({ port: lease.port, host: '127.0.0.1', reusePort: true })
  t.after(() => lease.release())
  t.after(() => void successor.close())
  await once(successor, 'listening')
})

const { libc: library, reason } = libc()
const skip = library === null && reason

test(
  'on a node an address is opened that is not here yet, and all others are',
  { skip },
  async (t) => {
    const onNode = httpOf(new Descriptors({ onNode: ['192.0.2.1'] }))
    const early = await onNode.acquire('192.0.2.1:0', { '/health': says('OK') })
    const here = await onNode.acquire('127.0.0.1:0', { '/health': says('OK') })
    t.after(() => Promise.all([early.release(), here.release()]))
    assert.equal(early.address, `192.0.2.1:${early.port}`)
    assert.deepEqual(await get(here.port, '/health'), [200, 'OK'])
    // A successor may open it too, and an error names address and remedy.
    const successor = bindTcp(library!, { address: '192.0.2.1', port: early.port, freeBind: true })
    library!.close(successor)
    const other = createServer().listen(0, '127.0.0.1')
    t.after(() => void other.close())
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    await assert.rejects(onNode.acquire(`127.0.0.1:${port}`, {}), {
      code: 'EADDRINUSE',
      message: `Cannot listen on 127.0.0.1:${port}: the address is in use: stop the program that uses it or configure another address`,
    })
    await here.release()
    await assert.rejects(get(here.port, '/health'))
  },
)

test('a socket that is let go lives on with whoever has a copy', { skip }, async (t) => {
  let answer: (body: string) => void = () => {}
  const slow: HttpRoute = () =>
    new Promise((resolve) => (answer = (body) => resolve(plainText(200, body))))
  const old = await plainHttp.acquire('127.0.0.1:0', { '/slow': slow })
  const { port } = old
  const held = plainHttp.held().find((socket) => socket.port === port)!
  assert.deepEqual([held.kind, held.host], ['http', '127.0.0.1'])
  const copy = duplicate(library!, held.fd)

  const underWay = get(port, '/slow')
  while (answer.length === 0) await new Promise((resolve) => setImmediate(resolve))
  const gone = plainHttp.stopReading()
  // Nobody accepts now: the kernel keeps the connection for the next who does.
  const later = get(port, '/health')
  const descriptors = new Descriptors()
  descriptors.inherit({
    has: () => false,
    take: (...asked) => (asked.join() === `http,127.0.0.1,${port}` ? copy : null),
    takeTun: () => null,
  })
  await old.release()
  const young = await httpOf(descriptors).acquire(`127.0.0.1:${port}`, { '/health': says('new') })
  t.after(() => young.release())
  assert.deepEqual(await later, [200, 'new'])
  answer('old')
  assert.deepEqual(await underWay, [200, 'old'])
  await gone
})
