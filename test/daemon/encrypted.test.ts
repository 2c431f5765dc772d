// DNS over TLS and over HTTPS as clients meet them: the daemon with a Corefile, kdig, curl and Node's own.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { Daemon } from '../../src/daemon/daemon.ts'
import { ByteBudget } from '../../src/lib/byte-budget.ts'
import { Clock } from '../../src/lib/clock.ts'
import type { HeldSocket } from '../../src/lib/held-socket.ts'
import { httpsResponses, NetCounters, TcpEnd } from '../../src/net/counters.ts'
import { Listeners } from '../../src/net/listeners.ts'
import { MAX_SOCKETS } from '../../src/net/tcp-limits.ts'
import { dgramBackend } from '../../src/net/udp-dgram.ts'
import { knownDirectives } from '../../src/plugins/index.ts'
import { queryCounters } from '../../src/serve/query-counters.ts'
import { CorefileSource } from '../../src/source/corefile-source.ts'
import { Descriptors, type Inheritance } from '../../src/sys/descriptors.ts'
import { libc } from '../../src/sys/libc.ts'
import { duplicate } from '../../src/sys/scm.ts'
import { makeCertificates, SERVER_NAME, selfSigned } from '../helpers/certificates.ts'
import { findTool, requireTools } from '../helpers/debian.ts'
import { kdig } from '../helpers/dig.ts'
import { plainHttp } from '../helpers/http.ts'
import { freePort } from '../helpers/ports.ts'
import type { Owner } from '../helpers/processes.ts'
import { eventually } from '../helpers/eventually.ts'
import { frame, query } from '../net/clients.ts'
import { RecordedLog } from '../telemetry/block.ts'

const run = promisify(execFile)
const skip = requireTools('kdig', 'openssl')
const address = '127.0.0.1'

interface Started {
  readonly daemon: Daemon
  readonly port: number
  readonly file: string
  readonly log: RecordedLog
  readonly counters: NetCounters
}

/** A block that answers ANY itself. */
function block(key: string, more = ''): string {
  return `${key} {\n bind ${address}\n any\n prometheus\n errors\n ${more}\n}\n`
}

async function start(owner: Owner, corefile: (port: number) => string): Promise<Started> {
  const port = await freePort()
  const file = join(makeCertificates(owner).folder, 'Corefile')
  writeFileSync(file, corefile(port))
  return serve(owner, file, port)
}

/** @param inherited sockets of a predecessor */
async function serve(
  owner: Owner,
  file: string,
  port: number,
  inherited: Inheritance | null = null,
): Promise<Started> {
  const descriptors = new Descriptors()
  if (inherited !== null) descriptors.inherit(inherited)
  const clock = new Clock()
  const log = new RecordedLog()
  const counters = new NetCounters()
  const warn = (text: string): void => log.warning(text)
  const daemon = await Daemon.start({
    source: new CorefileSource(file, { directives: knownDirectives, env: {}, warn }),
    port: 53,
    clock,
    log,
    memory: new ByteBudget(2 ** 20),
    http: plainHttp,
    listeners: new Listeners({ clock, log, udp: dgramBackend('a test'), counters, descriptors }),
    fatal: assert.fail,
  })
  owner.after(() => daemon.stop())
  return { daemon, port, file, log, counters }
}

/** `id` 1, ANY of x.test. */
const anyQuery = query({ id: 1, name: 'x.test', type: 255 })

function isAnswer(reply: Buffer): boolean {
  return reply.readUInt16BE(0) === 1 && reply.readUInt16BE(6) === 1 && (reply[2]! & 0x80) !== 0
}

/** Copies, as another process would receive them. */
function copiesOf(held: readonly HeldSocket[]): Inheritance {
  const { libc: library } = libc()
  const left = held.map((socket) => ({ ...socket, fd: duplicate(library!, socket.fd) }))
  const find = (...[kind, host, port]: Parameters<Inheritance['has']>): number =>
    left.findIndex((one) => one.kind === kind && one.host === host && one.port === port)
  return {
    has: (...socket) => find(...socket) >= 0,
    take: (...socket) => {
      const at = find(...socket)
      return at < 0 ? null : left.splice(at, 1)[0]!.fd
    },
    takeTun: () => null,
  }
}

async function secured(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connectTls({ port, host: address, servername: SERVER_NAME, ...options })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  return socket
}

/** Asks over a stream; rejects where it ends first. */
async function askOver(socket: Socket): Promise<Buffer> {
  socket.write(frame(anyQuery))
  const ended = once(socket, 'close').then(() => Promise.reject(new Error('ended')))
  const [chunk] = (await Promise.race([once(socket, 'data'), ended])) as [Buffer]
  return chunk.subarray(2)
}

describe('DNS over TLS', { skip }, () => {
  test('answers kdig, which checks the certificate, and is counted under its name', async (t) => {
    const made = makeCertificates(t)
    const { port, daemon } = await start(t, (at) =>
      block(`tls://.:${at}`, `tls ${made.cert} ${made.key}`),
    )
    const args = [`+tls-ca=${made.ca}`, `+tls-hostname=${SERVER_NAME}`, 'ANY', 'x.test']
    const { status, text } = await kdig({ address, port }, ...args)
    assert.equal(status, 'NOERROR')
    assert.match(text, /HINFO/)
    const wrong = [`+tls-ca=${made.ca}`, '+tls-hostname=other.test', 'ANY', 'x.test']
    assert.equal((await kdig({ address, port }, ...wrong).catch(() => null))?.status ?? '', '')
    const names = [...queryCounters.entries()].map(([[server]]) => server)
    assert.ok(names.includes(`tls://${address}:${port}`), names.join(' '))
    assert.equal(await daemon.selfCheck(), null)
  })

  test('speaks "dot", TLS 1.2 at least, and resumes sessions over a reload', async (t) => {
    const made = makeCertificates(t)
    const corefile = (at: number): string => block(`tls://.:${at}`, `tls ${made.cert} ${made.key}`)
    const { port, daemon } = await start(t, corefile)
    const options = { ca: readFileSync(made.ca), ALPNProtocols: ['dot'] }
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const limits = { ...options, minVersion: version, maxVersion: version }
      const first = await secured(port, limits)
      assert.equal(first.alpnProtocol, 'dot')
      const session = once(first, 'session') as Promise<[Buffer]>
      assert.ok(isAnswer(await askOver(first)))
      const [ticket] = version === 'TLSv1.2' ? [first.getSession()!] : await session
      await daemon.reload()
      assert.ok(isAnswer(await askOver(first)), 'a connection outlives a reload')
      first.destroy()
      const second = await secured(port, { ...limits, session: ticket })
      assert.ok(second.isSessionReused(), version)
      assert.ok(isAnswer(await askOver(second)))
      second.destroy()
    }
    await assert.rejects(secured(port, { ...options, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }))
  })

  const rows: readonly [auth: string, none: boolean, stranger: boolean][] = [
    ['nocert', true, true],
    ['request', true, true],
    ['require', false, true],
    ['verify_if_given', true, false],
    ['require_and_verify', false, false],
  ]
  for (const [auth, none, stranger] of rows) {
    test(`client_auth ${auth}`, async (t) => {
      const made = makeCertificates(t)
      const directive = `tls ${made.cert} ${made.key} ${made.ca} {\n client_auth ${auth}\n}`
      const { port } = await start(t, (at) => block(`tls://.:${at}`, directive))
      const isServed = async (cert?: string, key?: string): Promise<boolean> => {
        const own =
          cert === undefined ? {} : { cert: readFileSync(cert), key: readFileSync(key ?? '') }
        try {
          const socket = await secured(port, { ca: readFileSync(made.ca), ...own })
          const reply = await askOver(socket)
          socket.destroy()
          return isAnswer(reply)
        } catch {
          return false
        }
      }
      assert.equal(await isServed(), none, 'without')
      assert.equal(await isServed(made.client, made.clientKey), true, 'a good one')
      assert.equal(await isServed(made.stranger, made.strangerKey), stranger, "a stranger's")
    })
  }

  test('a reload with another certificate: clients that come see it, who is there stays', async (t) => {
    const made = makeCertificates(t)
    const { port, daemon } = await start(t, (at) =>
      block(`tls://.:${at}`, `tls ${made.cert} ${made.key}`),
    )
    const old = await secured(port, { ca: readFileSync(made.ca) })
    const other = selfSigned(made.folder, 'other')
    copyFileSync(other.cert, made.cert)
    copyFileSync(other.key, made.key)
    await daemon.reload()
    const fresh = await secured(port, { rejectUnauthorized: false })
    assert.equal(fresh.getPeerCertificate().subject.CN, 'other')
    assert.ok(isAnswer(await askOver(fresh)))
    assert.ok(isAnswer(await askOver(old)))
    writeFileSync(made.cert, 'broken')
    await daemon.reload()
    const still = await secured(port, { rejectUnauthorized: false })
    assert.equal(still.getPeerCertificate().subject.CN, 'other')
    for (const socket of [old, fresh, still]) socket.destroy()
  })

  test('writes the key log that it is told to', async (t) => {
    const made = makeCertificates(t)
    const keylog = join(made.folder, 'keys.log')
    const { port, log } = await start(t, (at) =>
      block(`tls://.:${at}`, `tls ${made.cert} ${made.key} {\n keylog ${keylog}\n}`),
    )
    const socket = await secured(port, { ca: readFileSync(made.ca) })
    assert.ok(isAnswer(await askOver(socket)))
    socket.destroy()
    await eventually(
      () => readFileSync(keylog, 'latin1').includes('CLIENT_TRAFFIC_SECRET'),
      'secrets',
    )
    assert.match(log.texts.join('\n'), /plugin\/tls: Writing TLS Key Log to/)
  })

  test('hostile clients take no place from a good one', async (t) => {
    const made = makeCertificates(t)
    const { port, counters } = await start(t, (at) =>
      block(`tls://.:${at}`, `tls ${made.cert} ${made.key}`),
    )
    const good = await secured(port, { ca: readFileSync(made.ca) })
    assert.ok(isAnswer(await askOver(good)))
    const openings = [
      Buffer.alloc(0),
      Buffer.from('16030102000100', 'hex'),
      Buffer.from('GET / HTTP/1.0\r\n\r\n'),
      Buffer.alloc(600, 0xff),
    ]
    const hostile = Array.from({ length: MAX_SOCKETS + 50 }, (_, i) => {
      const socket = connect({ port, host: address, localAddress: '127.0.0.2' })
      socket.on('error', () => {})
      socket.write(openings[i % openings.length]!)
      return socket.resume()
    })
    t.after(() => hostile.forEach((socket) => void socket.destroy()))
    await eventually(() => counters.tcpAccepted > MAX_SOCKETS + 50, 'all are accepted')
    assert.ok(counters.tcpOpen <= MAX_SOCKETS, `${counters.tcpOpen} are open`)
    assert.ok(isAnswer(await askOver(good)), 'one that is there')
    const late = await secured(port, { ca: readFileSync(made.ca) })
    assert.ok(isAnswer(await askOver(late)), 'one that comes')
    for (const socket of [good, late, ...hostile]) socket.destroy()
    const half = MAX_SOCKETS / 2
    await eventually(() => counters.tcpEnds[TcpEnd.Handshake]! > half, 'cut')
  })

  test('a handshake that does not end is ended in the time of the directive timeouts', async (t) => {
    const made = makeCertificates(t)
    const { port, counters } = await start(t, (at) =>
      block(`tls://.:${at}`, `tls ${made.cert} ${made.key}\n timeouts {\n read 1s\n }`),
    )
    const began = performance.now()
    const silent = connect({ port, host: address }).resume()
    const trickling = connect({ port, host: address }).resume()
    // What it sends while it is ended resets it: once() would take that for a failure.
    const bothClosed = [silent, trickling].map(async (socket) => {
      await new Promise<unknown>((resolve) => socket.on('error', () => {}).once('close', resolve))
    })
    // A record of a hello that says it is long.
    trickling.write(Buffer.from('1603010200010001fc0303', 'hex'))
    const drip = setInterval(() => trickling.write('\0'), 20)
    t.after(() => clearInterval(drip))
    await Promise.all(bothClosed)
    assert.ok(performance.now() - began >= 990)
    await eventually(() => counters.tcpEnds[TcpEnd.Handshake] === 2, 'both are counted')
  })

  test('a connection ends with its last query, and a reload lets others ask more', async (t) => {
    const made = makeCertificates(t)
    const limited = (at: number, maximum: number): string =>
      block(
        `tls://.:${at}`,
        `tls ${made.cert} ${made.key}\n timeouts {\n maxtcpqueries ${maximum}\n }`,
      )
    const { port, daemon, file, counters } = await start(t, (at) => limited(at, 2))
    const ca = readFileSync(made.ca)
    const first = await secured(port, { ca })
    const more = await secured(port, { ca })
    assert.ok(isAnswer(await askOver(first)))
    const closed = once(first, 'close')
    assert.ok(isAnswer(await askOver(first)))
    await closed
    await eventually(() => counters.tcpEnds[TcpEnd.QueryLimit] === 1, 'counted')
    writeFileSync(file, limited(port, -1))
    await daemon.reload()
    for (let i = 0; i < 5; i++) assert.ok(isAnswer(await askOver(more)))
    more.destroy()
  })

  test('a daemon without a plain zone is ready, and finds nothing wrong with itself', async (t) => {
    const made = makeCertificates(t)
    const { daemon, log } = await start(t, (at) =>
      block(`tls://.:${at}`, `tls ${made.cert} ${made.key}\n loop`),
    )
    await daemon.runtime.settled()
    assert.deepEqual(daemon.readiness.reasons, [])
    assert.equal(await daemon.selfCheck(), null)
    assert.deepEqual(daemon.addresses, [])
    // Whoever asks in plain is not answered here.
    assert.equal(await daemon.selfQuery('x.test.'), 'no server block serves x.test.')
    assert.deepEqual(await daemon.lookUp('x.test.'), [])
    assert.deepEqual(
      log.texts.filter((text) => /loop/i.test(text)),
      [],
    )
  })

  test('a successor has the very socket: none who connects meanwhile is lost', async (t) => {
    const made = makeCertificates(t)
    const webPort = await freePort()
    const directive = `tls ${made.cert} ${made.key}`
    const old = await start(
      t,
      (at) => block(`tls://.:${at}`, directive) + block(`https://.:${webPort}`, directive),
    )
    const ca = readFileSync(made.ca)
    const there = await secured(old.port, { ca })
    const session = once(there, 'session') as Promise<[Buffer]>
    assert.ok(isAnswer(await askOver(there)))
    await session
    const held = copiesOf(old.daemon.held())
    await old.daemon.stopReading()
    // Nobody accepts now: the kernel holds these for the successor.
    const waiting = secured(old.port, { ca })
    const web = connectHttp2(`https://${address}:${webPort}`, { ca })
    web.on('error', () => {})
    t.after(() => web.destroy())
    const young = await serve(t, old.file, old.port, held)
    assert.ok(isAnswer(await askOver(await waiting)))
    const stream = web.request({ ':path': `/dns-query?dns=${anyQuery.toString('base64url')}` })
    assert.ok(isAnswer(Buffer.concat((await stream.toArray()) as Buffer[])))
    assert.equal(young.counters.tcpAccepted, 2)
    // Who was there before is answered where it is, until it is idle.
    assert.ok(isAnswer(await askOver(there)))
    await Promise.all([once(there, 'close'), old.daemon.drain()])
    assert.equal(old.counters.tcpOpen, 0)
    ;(await waiting).destroy()
  })

  test('a bad certificate at start is an error with file and line', async (t) => {
    const made = makeCertificates(t)
    const bad = start(t, (at) => block(`tls://.:${at}`, `tls ${made.cert} ${made.clientKey}`))
    const message =
      /Corefile:6 - plugin\/tls: could not load TLS cert: .* does not match public key of /
    await assert.rejects(bad, message)
  })

  test('a port of TCP speaks one protocol', async (t) => {
    const both = start(t, (at) => `${block(`.:${at}`)}${block(`tls://x.test:${at}`)}`)
    await assert.rejects(
      both,
      /Corefile:8 - cannot serve tls:\/\/x\.test\.:(\d+) on 127\.0\.0\.1 - TCP port \1 is that of dns:/,
    )
  })

  test('without a certificate: over TCP in plain, as in CoreDNS, and said', async (t) => {
    const { port, log } = await start(t, (at) => block(`tls://.:${at}`))
    const { status } = await kdig({ address, port }, '+tcp', 'ANY', 'x.test')
    assert.equal(status, 'NOERROR')
    assert.match(log.texts.join('\n'), /Corefile:1 - 'tls:\/\/\.:\d+' is served without encryption/)
  })
})

interface Response {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
}

type Ask = (method: string, path: string, type?: string, body?: Buffer) => Promise<Response>

describe('DNS over HTTPS', { skip }, () => {
  const dns = 'application/dns-message'
  const asked = `/dns-query?dns=${anyQuery.toString('base64url')}`

  async function checkRequests(ask: Ask): Promise<void> {
    for (const reply of [await ask('GET', asked), await ask('POST', '/dns-query', dns, anyQuery)]) {
      assert.equal(reply.status, 200)
      assert.equal(reply.headers['content-type'], dns)
      // The TTL of the answer of `any` is longer.
      assert.equal(reply.headers['cache-control'], 'max-age=3600')
      assert.ok(isAnswer(reply.body))
    }
    const typed = await ask('POST', '/dns-query', `${dns}; x=y`, anyQuery)
    assert.equal(typed.status, 200)
    const refused: readonly [status: number, ...Parameters<Ask>][] = [
      [404, 'GET', '/'],
      [404, 'POST', '/dns-query/', dns, anyQuery],
      [405, 'PUT', '/dns-query', dns, anyQuery],
      [405, 'DELETE', '/dns-query'],
      [415, 'POST', '/dns-query', 'text/plain', anyQuery],
      [415, 'POST', '/dns-query', undefined, anyQuery],
      [413, 'POST', '/dns-query', dns, Buffer.alloc(4_097)],
      [414, 'GET', `/dns-query?dns=${'A'.repeat(6_000)}`],
      [400, 'GET', '/dns-query'],
      [400, 'GET', '/dns-query?dns='],
      [400, 'GET', '/dns-query?dns=AA=='],
      [400, 'GET', '/dns-query?dns=AA%2B/'],
      [400, 'GET', `${asked}&dns=AAAA`],
      [400, 'GET', '/dns-query?dns=AAAA'],
      [400, 'POST', '/dns-query', dns, Buffer.alloc(0)],
      [400, 'POST', '/dns-query', dns, Buffer.alloc(20, 0xff)],
    ]
    for (const [status, ...args] of refused) {
      const reply = await ask(...args)
      assert.equal(reply.status, status, args.slice(0, 3).join(' '))
      assert.equal(reply.headers['allow'], status === 405 ? 'GET, POST' : undefined)
    }
    // A query that names no zone of ours, or is broken, is answered by DNS itself.
    const broken = await ask('POST', '/dns-query', dns, anyQuery.subarray(0, 14))
    assert.equal(broken.status, 200)
    assert.equal(broken.body[3]! & 15, 1)
    assert.equal(broken.headers['cache-control'], 'max-age=5')
  }

  test('in plain over HTTP/1.1 where there is no certificate, as in CoreDNS', async (t) => {
    const { port, log, daemon } = await start(t, (at) => block(`https://.:${at}`, 'loop'))
    await daemon.runtime.settled()
    assert.deepEqual(
      daemon.held().flatMap(({ kind, port: at }) => (kind === 'http' ? [] : [`${kind} ${at}`])),
      [`tcp ${port}`],
    )
    await checkRequests(
      (method, path, type, body) =>
        new Promise((resolve, reject) => {
          const headers = type === undefined ? {} : { 'content-type': type }
          const asking = request({ port, host: address, method, path, headers }, (response) => {
            const chunks: Buffer[] = []
            response.on('data', (chunk: Buffer) => chunks.push(chunk))
            response.on('end', () => {
              const status = response.statusCode ?? 0
              resolve({ status, headers: response.headers, body: Buffer.concat(chunks) })
            })
          })
          asking.on('error', reject)
          asking.end(body)
        }),
    )
    const server = `https://${address}:${port}`
    assert.match(log.texts.join('\n'), /is served without encryption/)
    assert.ok(httpsResponses.get(server, '200').count >= 4)
    assert.equal(httpsResponses.get(server, '415').count, 2)
    assert.ok([...queryCounters.entries()].some(([[name]]) => name === server))
  })

  test('over TLS: kdig, curl, and HTTP/2 with many requests on one connection', async (t) => {
    const made = makeCertificates(t)
    const { port, daemon, counters } = await start(t, (at) =>
      block(`https://.:${at}`, `tls ${made.cert} ${made.key}`),
    )
    for (const method of ['+https', '+https-get']) {
      const args = [method, `+tls-ca=${made.ca}`, `+tls-hostname=${SERVER_NAME}`, 'ANY', 'x.test']
      assert.match(
        (await kdig({ address, port }, ...args)).text,
        /->>HEADER.*status: NOERROR/,
        method,
      )
    }
    if (findTool('curl') !== null) {
      for (const version of ['--http2', '--http1.1']) {
        const args = [
          '-sS',
          '--cacert',
          made.ca,
          version,
          '-w',
          '%{http_version}',
          '-o',
          '/dev/null',
        ]
        const { stdout } = await run('curl', [...args, `https://${address}:${port}${asked}`])
        assert.equal(stdout, version === '--http2' ? '2' : '1.1')
      }
    }
    const opened = counters.tcpAccepted
    const session = connectHttp2(`https://${address}:${port}`, { ca: readFileSync(made.ca) })
    t.after(() => session.destroy())
    const ask: Ask = async (method, path, type, body) => {
      const head = { ':method': method, ':path': path }
      const stream = session.request(type === undefined ? head : { ...head, 'content-type': type })
      stream.on('error', () => {})
      const answered = once(stream, 'response') as Promise<[Record<string, unknown>]>
      stream.end(body)
      const [headers] = await answered
      const chunks = (await stream.toArray()) as Buffer[]
      return { status: Number(headers[':status']), headers, body: Buffer.concat(chunks) }
    }
    await checkRequests(ask)
    await daemon.reload()
    const replies = await Promise.all(Array.from({ length: 100 }, () => ask('GET', asked)))
    assert.ok(replies.every(({ status, body }) => status === 200 && isAnswer(body)))
    assert.equal(counters.tcpAccepted, opened + 1)
    const closed = once(session, 'close')
    await daemon.stop()
    await closed
    assert.equal(counters.tcpOpen, 0)
  })

  test('hostile clients: half requests, garbage, requests without end', async (t) => {
    const { port, counters } = await start(t, (at) => block(`https://.:${at}`))
    const half = 'POST /dns-query HTTP/1.1\r\nhost: x\r\ncontent-length: 40\r\n'
    const openings = [
      half,
      `${half}content-type: ${dns}\r\n\r\nabc`,
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      '\x16\x03\x01\x02\x00',
      `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`,
      `GET /${'x'.repeat(100)} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(500),
    ]
    const hostile = Array.from({ length: 60 }, (_, i) => {
      const socket = connect({ port, host: address })
      socket.on('error', () => {})
      socket.write(openings[i % openings.length]!)
      return i % 2 === 0 ? socket.resume() : socket
    })
    t.after(() => hostile.forEach((socket) => void socket.destroy()))
    await eventually(() => counters.tcpAccepted === hostile.length, 'all are accepted')
    const reply = await fetch(`http://${address}:${port}${asked}`)
    assert.equal(reply.status, 200)
    assert.ok(isAnswer(Buffer.from(await reply.arrayBuffer())))
    for (const socket of hostile) socket.destroy()
  })
})

test('transports that are not served are errors that name them', async (t) => {
  for (const scheme of ['grpc', 'quic', 'https3']) {
    await assert.rejects(
      start(t, (at) => block(`${scheme}://.:${at}`) + block(`.:${at}`)),
      new RegExp(`Corefile:1 - cannot serve ${scheme}://: `),
    )
  }
})
