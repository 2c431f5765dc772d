import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'

import { Transport, upstreamCounters } from '../../../src/upstream/counters.ts'
import { Ede, Rcode } from '../../../src/wire/codes.ts'
import { makeCertificates, SERVER_NAME } from '../../helpers/certificates.ts'
import { requireTools } from '../../helpers/debian.ts'
import { freePort } from '../../helpers/ports.ts'
import { startUnbound } from '../../helpers/unbound.ts'
import { honestly, type HttpScript, startHttpsServer } from '../../upstream/https-server.ts'
import { answerTo, eventually } from '../../upstream/scripted.ts'
import { startTlsServer } from '../../upstream/tls-server.ts'
import { Front } from './harness.ts'

const pem = makeCertificates({ after })

/** `forward . https://127.0.0.1:PORT { … }`, to be believed by our own authority. */
function https(port: number, more = ''): string {
  return `forward . https://127.0.0.1:${port} {\ntls ${pem.ca}\n${more}\n}`
}

const at = (port: number): string => `127.0.0.1:${port}`

async function burst(front: Front, count: number, tag: string): Promise<void> {
  const names = Array.from({ length: count }, (_, i) => `${tag}-${i}.test`)
  const replies = await Promise.all(names.map((name) => front.ask(name)))
  for (const reply of replies) assert.equal(reply.records.answerCount, 1)
}

describe('https:// upstreams', () => {
  test('1,000 queries share a handshake', async (t) => {
    const server = await startHttpsServer(t, pem)
    // Health checks, which a slow machine brings about, have connections of their own.
    const front = await Front.start(t, https(server.port, 'max_fails 0'))
    for (let i = 0; i < 20; i++) await burst(front, 50, `a${i}`)
    // One on a machine that has time: a hundred queries under way take another.
    assert.ok(server.handshakes <= 2, `${server.handshakes} handshakes`)
    const { dialled, reused } = upstreamCounters.get(at(server.port))
    await eventually(() => dialled[Transport.Https] === server.handshakes, 'handshakes')
    assert.ok(reused[Transport.Https]! >= 900)
  })

  test('asks as RFC 8484 has it, with POST or GET, under id 0', async (t) => {
    const server = await startHttpsServer(t, pem)
    const post = await Front.start(t, https(server.port))
    const reply = await post.ask('a.test')
    assert.equal(reply.id, 1)
    const get = await Front.start(
      t,
      https(server.port, `doh_method GET\ntls_servername ${SERVER_NAME}`),
    )
    await get.ask('b.test')
    const [first, second] = server.asked
    assert.equal(first!.method, 'POST')
    assert.equal(first!.path, '/dns-query')
    assert.equal(first!.authority, at(server.port))
    assert.equal(first!.type, 'application/dns-message application/dns-message')
    assert.equal(second!.method, 'GET')
    assert.match(second!.path, /^\/dns-query\?dns=[A-Za-z0-9_-]+$/)
    assert.equal(second!.authority, `${SERVER_NAME}:${server.port}`)
    for (const { wire } of [first!, second!]) assert.equal(wire.readUInt16BE(0), 0)
  })

  test('more than a hundred queries under way take another connection, slow ones hold up nobody', async (t) => {
    const slow: Buffer[] = []
    const hold: HttpScript = (one) => {
      if (one.wire.includes('slow')) slow.push(one.wire)
      else honestly(one, 0)
    }
    const server = await startHttpsServer(t, pem, {}, hold)
    const front = await Front.start(t, https(server.port))
    await front.ask('a.test')
    for (let i = 0; i < 110; i++) void front.ask(`slow-${i}.test`)
    await eventually(() => slow.length >= 110, 'all of them')
    assert.equal(server.handshakes, 2)
    assert.ok((await front.ask('b.test')).took < 1000)
  })

  test('what a connection has not answered when it ends goes on on another one', async (t) => {
    const server = await startHttpsServer(t, pem)
    const front = await Front.start(t, https(server.port))
    await front.ask('a.test')
    server.script = (one, n) => {
      if (n === 2) server.cut()
      else honestly(one, n)
    }
    assert.equal((await front.ask('b.test')).records.answerCount, 1)
    assert.equal(server.handshakes, 2)
  })

  const refusals: readonly (readonly [
    what: string,
    script: HttpScript,
    ede: number,
    error: RegExp,
  ])[] = [
    [
      'a status that is no success',
      ({ reply }) => reply(Buffer.from('no'), 404),
      Ede.NetworkError,
      /HTTP status 404$/,
    ],
    ['no message', ({ reply }) => reply(Buffer.from('<html>')), Ede.InvalidData, /broken reply$/],
    [
      'another question',
      ({ reply, wire }) => {
        const other = answerTo(wire)
        other[13]! ^= 1
        reply(other)
      },
      Ede.InvalidData,
      /broken reply$/,
    ],
    ['streams that are reset', ({ stream }) => stream.close(2), Ede.NetworkError, /EOF$/],
    [
      'a message without end',
      ({ reply }) => reply(Buffer.alloc(200_000)),
      Ede.NetworkError,
      /EOF$/,
    ],
  ]
  for (const [what, script, ede, error] of refusals) {
    test(`${what}: SERVFAIL, and why`, async (t) => {
      const server = await startHttpsServer(t, pem, {}, script)
      const front = await Front.start(t, https(server.port))
      const reply = await front.ask('a.test', { edns: true })
      assert.equal(reply.rcode, Rcode.ServFail)
      assert.equal(reply.ede, ede)
      assert.match(reply.error!, error)
    })
  }

  test('an upstream that is over its limit now and then is told of once for each status', async (t) => {
    const limited: HttpScript = (one, n) => {
      if (n % 2 === 0) honestly(one, n)
      else one.reply(Buffer.from('later'), n % 3 === 0 ? 503 : 429)
    }
    const server = await startHttpsServer(t, pem, {}, limited)
    const front = await Front.start(t, https(server.port))
    for (let i = 0; i < 12; i++) await front.ask(`${i}.test`)
    assert.ok(server.asked.length > 20)
    const lines = front.log.lines.filter((line) => line.includes('HTTP status'))
    assert.deepEqual(lines.map((line) => line.slice(-3)).toSorted(), ['429', '503'])
  })

  test('who is not trusted gets no query; who speaks no HTTP/2 neither', async (t) => {
    const server = await startHttpsServer(t, pem)
    const front = await Front.start(t, https(server.port, 'tls_servername other.test'))
    const reply = await front.ask('a.test', { edns: true })
    assert.equal(reply.rcode, Rcode.ServFail)
    assert.equal(reply.ede, Ede.NetworkError)
    assert.equal(server.asked.length, 0)
    assert.match(front.log.lines.join('\n'), /is not trusted.*other\.test/)
    const old = await startTlsServer(t, pem)
    const other = await Front.start(t, https(old.port))
    assert.equal((await other.ask('a.test')).rcode, Rcode.ServFail)
    assert.match(other.log.lines.join('\n'), /no HTTP\/2/)
  })

  test('health checks go over HTTPS: one that is gone is down, and comes back', async (t) => {
    const port = await freePort()
    const alive = await startHttpsServer(t, pem)
    const body = `forward . https://${at(port)} https://${at(alive.port)} {
      tls ${pem.ca}
      policy sequential
      max_fails 1
      health_check 60ms
    }`
    const front = await Front.start(t, body)
    assert.equal((await front.ask('a.test')).records.answerCount, 1)
    const down = `[WARNING] upstream ${at(port)} over https is down: it does not answer health checks`
    await eventually(() => front.log.lines.includes(down), 'down')
    const again = await startHttpsServer(t, pem, {}, honestly, port)
    const up = `[INFO] upstream ${at(port)} over https is up again`
    await eventually(() => front.log.lines.includes(up), 'up')
    assert.ok(again.asked.length > 0)
  })

  test('a connection takes no queries after `max_age`', async (t) => {
    const server = await startHttpsServer(t, pem)
    const front = await Front.start(t, https(server.port, 'expire 20ms\nmax_age 20ms'))
    await front.ask('a.test')
    await eventually(() => {
      void front.ask('b.test')
      return server.handshakes > 1
    }, 'another connection')
  })

  test('unbound answers over HTTPS', { skip: requireTools('unbound') }, async (t) => {
    const port = await freePort()
    await startUnbound(
      t,
      ['www.example.com. 60 IN A 192.0.2.1'],
      [
        'server:',
        `  interface: 127.0.0.1@${port}`,
        `  https-port: ${port}`,
        `  tls-service-key: "${pem.key}"`,
        `  tls-service-pem: "${pem.cert}"`,
      ],
    )
    const front = await Front.start(t, https(port, `tls_servername ${SERVER_NAME}`))
    const replies = await Promise.all(
      Array.from({ length: 200 }, (_, i) => front.ask('www.example.com', { type: i % 2 ? 1 : 16 })),
    )
    for (const reply of replies) assert.equal(reply.rcode, Rcode.NoError)
    assert.equal(upstreamCounters.get(at(port)).dialled[Transport.Https], 1)
  })
})
