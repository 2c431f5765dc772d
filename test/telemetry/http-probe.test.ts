import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { HttpRoutes } from '../../src/lib/http.ts'
import { plainText } from '../../src/telemetry/http-answer.ts'
import { probedPath } from '../../src/telemetry/http-probe.ts'
import { plainHttp } from '../helpers/http.ts'

const probe = (path: string, more = '', connection = 'close'): string =>
  `GET ${path} HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nUser-Agent: kube-probe/1.33\r\nAccept: */*\r\n` +
  `${more}Connection: ${connection}\r\n\r\n`

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

test('a probe is a whole GET of which nothing but the path matters', () => {
  const path = (text: string): string | null => probedPath(Buffer.from(text, 'latin1'))
  assert.equal(path(probe('/health')), '/health')
  assert.equal(path(probe('/ready', 'Accept-Encoding: gzip\r\n')), '/ready')
  for (const other of [
    probe('/health', '', 'keep-alive'),
    probe('/health', 'Content-Length: 3\r\n'),
    probe('/health', 'Transfer-Encoding: chunked\r\n'),
    probe('/health', 'Host: another\r\n'),
    probe('/health', `Accept: ${'x'.repeat(1_000)}\r\n`),
    probe('/health?x=1'),
    probe('/health').slice(0, -1),
    `${probe('/health')}GET`,
    probe('/health').replace('GET', 'POST'),
    probe('/health').replace('1.1', '1.0'),
    probe('/health').replace('Host: 10.0.0.1:8080\r\n', ''),
    probe('/health').replace('\r\n', '\n'),
    '\x16\x03\x01\x02\x00',
    '',
  ]) {
    assert.equal(path(other), null, JSON.stringify(other))
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
      .replace(/^Date: .*$/m, 'Date')
      .split('\r\n')
      .toSorted()
  for (const path of ['/health', '/ready', '/metrics', '/none']) {
    const quick = await exchange(port, probe(path))
    const usual = await exchange(port, probe(path, 'X-More: 1\r\n'))
    assert.deepEqual(lines(quick), lines(usual))
    assert.match(quick, /^HTTP\/1\.1 [0-9]{3} /)
  }
  const cut = probe('/health')
  assert.match(
    await exchange(port, cut.slice(0, 20), cut.slice(20)),
    /^HTTP\/1\.1 200 OK\r\n.*OK$/s,
  )
  assert.match(await exchange(port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /)
})

test('a route that fails is a failure of the probe, and its text is told', async (t) => {
  const lease = await plainHttp.acquire('127.0.0.1:0', {
    '/health': () => {
      throw new RangeError('broken')
    },
    '/ready': () => ({ status: 200, contentType: 'text/plain', body: ['a', 'b'] }),
  })
  t.after(() => lease.release())
  const failed = await exchange(lease.port, probe('/health'))
  assert.match(
    failed,
    /^HTTP\/1\.1 500 Internal Server Error\r\n.*Cannot answer \/health: broken\n$/s,
  )
  assert.match(await exchange(lease.port, probe('/ready')), /Content-Length: 2\r\n.*\r\n\r\nab$/s)
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
