import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'

import { upstreamCounters, Transport } from '../../../src/upstream/counters.ts'
import { Ede, Rcode } from '../../../src/wire/codes.ts'
import { makeCertificates, makeChain, SERVER_NAME } from '../../helpers/certificates.ts'
import { requireTools } from '../../helpers/debian.ts'
import { startUnbound } from '../../helpers/unbound.ts'
import { freePort } from '../../helpers/ports.ts'
import { eventually, honest, silent, startScripted } from '../../upstream/scripted.ts'
import { startTlsServer } from '../../upstream/tls-server.ts'
import { trustAnybody } from '../../helpers/trust-anybody.ts'
import { Front, LogLines, type Reply, setup } from './harness.ts'
import { KeptStates } from '../../../src/daemon/kept-states.ts'
import { Clock } from '../../../src/lib/clock.ts'

const pem = makeCertificates({ after })

/** `forward . tls://127.0.0.1:PORT { … }`, to be believed by our own authority. */
function tls(port: number, more = `tls_servername ${SERVER_NAME}`): string {
  return `forward . tls://127.0.0.1:${port} {\ntls ${pem.ca}\n${more}\n}`
}

const at = (port: number): string => `127.0.0.1:${port}`

async function burst(front: Front, count: number, tag: string): Promise<Reply[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => front.ask(`${tag}-${i}.test`)))
}

describe('tls:// upstreams', () => {
  test('1,000 queries, some over UDP, share a few handshakes', async (t) => {
    const server = await startTlsServer(t, pem)
    const front = await Front.start(t, tls(server.port))
    for (let i = 0; i < 20; i++) {
      for (const reply of await burst(front, 50, `a${i}`))
        assert.equal(reply.records.answerCount, 1, `${reply.error} after ${reply.took} ms`)
    }
    assert.ok(server.queries >= 1000 && server.queries <= 1030, `${server.queries} queries`)
    // Eight on a machine that has time.
    assert.ok(server.handshakes <= 32, `${server.handshakes} handshakes`)
    assert.deepEqual(new Set(server.names), new Set([SERVER_NAME]))
    const { dialled, reused } = upstreamCounters.get(at(server.port))
    assert.equal(dialled[Transport.Tls], server.handshakes)
    assert.equal(dialled[Transport.Tcp]! + dialled[Transport.Udp]!, 0)
    assert.ok(reused[Transport.Tls]! > 0)
  })

  test('a later connection resumes the session of an earlier one', async (t) => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const server = await startTlsServer(t, pem, { maxVersion })
      const front = await Front.start(t, tls(server.port))
      await front.ask('a.test')
      await eventually(() => server.handshakes >= 2, 'two connections')
      for (const socket of server.open) socket.destroy()
      await eventually(() => server.open.size === 0, 'no connection')
      assert.equal((await front.ask('b.test')).records.answerCount, 1)
      assert.ok(server.resumed > 0, maxVersion)
    }
  })

  test('without a name the certificate has to be for the address; SNI has a name of its own', async (t) => {
    const server = await startTlsServer(t, pem)
    const plain = await Front.start(t, tls(server.port, ''))
    assert.equal((await plain.ask('a.test')).records.answerCount, 1)
    assert.equal(server.names[0], '')
    const own = await Front.start(
      t,
      `forward . tls://127.0.0.1%${SERVER_NAME}.:${server.port} {\ntls ${pem.ca}\n}`,
    )
    assert.equal((await own.ask('b.test')).records.answerCount, 1)
    assert.equal(server.names.at(-1), SERVER_NAME)
    const address = await Front.start(t, tls(server.port, 'tls_servername 127.0.0.1'))
    assert.equal((await address.ask('c.test')).records.answerCount, 1)
    assert.equal(server.names.at(-1), '')
  })

  test('an authority below another one is one, and a server may be named itself', async (t) => {
    const chain = makeChain(t)
    const server = await startTlsServer(t, chain)
    for (const trusted of [chain.intermediate, chain.leaf]) {
      const body = `forward . tls://127.0.0.1:${server.port} {\ntls ${trusted}\n}`
      const front = await Front.start(t, body)
      assert.equal((await front.ask('a.test')).records.answerCount, 1)
    }
  })

  test('an upstream of TLS 1.1 is said to be one, in few words', async (t) => {
    const server = await startTlsServer(t, pem, {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    const front = await Front.start(t, tls(server.port))
    for (let i = 0; i < 3; i++) {
      assert.equal((await front.ask(`${i}.test`)).rcode, Rcode.ServFail)
    }
    const lines = front.log.lines.filter((line) => line.includes('not trusted'))
    assert.equal(lines.length, 1)
    assert.match(lines[0]!, /: tlsv1 alert protocol version$/)
  })

  const untrusted: readonly (readonly [
    what: string,
    body: (port: number) => string,
    why: RegExp,
  ])[] = [
    ['another name', (port) => tls(port, 'tls_servername other.test'), /other\.test.* altnames/],
    ['another address', (port) => tls(port, 'tls_servername 192.0.2.1'), /192\.0\.2\.1/],
    ['an unknown authority', (port) => `forward . tls://127.0.0.1:${port}`, /certificate/],
  ]
  for (const [what, body, why] of untrusted) {
    test(`${what}: SERVFAIL with an extended error, and one line of log`, async (t) => {
      trustAnybody(t)
      const server = await startTlsServer(t, pem)
      const front = await Front.start(t, body(server.port))
      for (const name of ['a.test', 'b.test']) {
        const reply = await front.ask(name, { edns: true })
        assert.equal(reply.rcode, Rcode.ServFail)
        assert.equal(reply.ede, Ede.NetworkError)
        assert.match(
          reply.error!,
          /^dial tcp 127\.0\.0\.1:\d+: tls: failed to verify certificate: x509: /,
        )
      }
      const lines = front.log.lines.filter((line) => line.includes('not trusted'))
      assert.equal(lines.length, 1)
      assert.match(lines[0]!, new RegExp(`^\\[ERROR\\] upstream ${at(server.port)} is not trusted`))
      assert.match(lines[0]!, why)
      assert.equal(server.queries, 0)
    })
  }

  test('what speaks no TLS gets no answer taken', async (t) => {
    const server = await startScripted(t, ({ socket }) => socket?.end('HTTP/1.1 400 Bad\r\n\r\n'))
    const front = await Front.start(t, tls(server.port))
    const reply = await front.ask('a.test', { edns: true })
    assert.equal(reply.rcode, Rcode.ServFail)
    assert.match(reply.error!, /^dial tcp /)
  })

  test('a server that wants to know its clients is shown a certificate', async (t) => {
    const ca = readFileSync(pem.ca)
    const server = await startTlsServer(t, pem, { requestCert: true, ca })
    const known = await Front.start(
      t,
      `forward . tls://127.0.0.1:${server.port} {\ntls ${pem.client} ${pem.clientKey} ${pem.ca}\n}`,
    )
    assert.equal((await known.ask('a.test')).records.answerCount, 1)
    const queries = server.queries
    const unknown = await Front.start(t, tls(server.port, ''))
    const reply = await unknown.ask('b.test', { edns: true })
    assert.equal(reply.rcode, Rcode.ServFail)
    assert.equal(reply.ede, Ede.NetworkError)
    assert.equal(server.queries, queries)
    assert.match(unknown.log.lines.join('\n'), /is not trusted.*certificate required/)
  })

  test('health checks go over TLS: one that answers nothing is down, and comes back', async (t) => {
    const port = await freePort()
    const dead = await startTlsServer(t, pem, {}, silent, port)
    await dead.close()
    const alive = await startTlsServer(t, pem)
    const body = `forward . tls://${at(port)} tls://${at(alive.port)} {
      tls ${pem.ca}
      policy sequential
      max_fails 1
      health_check 60ms
    }`
    const front = await Front.start(t, body)
    assert.equal((await front.ask('a.test')).records.answerCount, 1)
    const down = `[WARNING] upstream ${at(port)} over tcp-tls is down: it does not answer health checks`
    await eventually(() => front.log.lines.includes(down), 'down')
    const again = await startTlsServer(t, pem, {}, honest, port)
    const up = `[INFO] upstream ${at(port)} over tcp-tls is up again`
    await eventually(() => front.log.lines.includes(up), 'up')
    assert.ok(again.queries > 0)
  })

  test('a key that OpenSSL takes for too weak is an error at load', () => {
    const [cert, key] = [join(pem.folder, 'weak.pem'), join(pem.folder, 'weak.key')]
    const making = [
      'req',
      '-x509',
      '-newkey',
      'rsa:512',
      '-nodes',
      '-subj',
      '/CN=weak',
      '-days',
      '2',
    ]
    execFileSync('openssl', [...making, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    const body = `forward . tls://192.0.2.1 {\ntls ${cert} ${key}\n}`
    assert.throws(() => setup(body, new KeptStates().open(), new Clock(), new LogLines()), {
      message: /^Corefile:2 - plugin\/forward: .*key too small$/,
    })
  })

  test('a reload keeps the connections, unless whom to trust has changed', async (t) => {
    const server = await startTlsServer(t, pem)
    const states = new KeptStates()
    const front = await Front.start(t, tls(server.port), states)
    await front.ask('a.test')
    await eventually(() => server.handshakes >= 2, 'two connections')
    const before = server.handshakes
    const same = await Front.start(t, tls(server.port), states)
    await same.ask('b.test')
    assert.equal(server.handshakes, before)
    const other = await Front.start(
      t,
      `forward . tls://127.0.0.1:${server.port} {\ntls ${pem.stranger}\n}`,
      states,
    )
    assert.equal((await other.ask('c.test')).rcode, Rcode.ServFail)
  })

  test('unbound answers over TLS', { skip: requireTools('unbound') }, async (t) => {
    const port = await freePort()
    await startUnbound(
      t,
      ['www.example.com. 60 IN A 192.0.2.1'],
      [
        'server:',
        `  interface: 127.0.0.1@${port}`,
        `  tls-port: ${port}`,
        `  tls-service-key: "${pem.key}"`,
        `  tls-service-pem: "${pem.cert}"`,
      ],
    )
    const front = await Front.start(t, tls(port))
    const replies = await Promise.all(
      Array.from({ length: 200 }, () => front.ask('www.example.com')),
    )
    for (const reply of replies) assert.equal(reply.records.answerCount, 1)
    const { dialled } = upstreamCounters.get(at(port))
    assert.ok(dialled[Transport.Tls]! <= 8)
  })
})
