// Queries to real servers on this machine: what doctor makes of their answers, and of their silence.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'

import { askDaemon } from '../../../src/commands/doctor/daemon-status.ts'
import { boundedPrograms } from '../../../src/commands/doctor/bounded-programs.ts'
import { described, hasAnswer } from '../../../src/commands/doctor/outcomes.ts'
import {
  probeServer,
  failureOf,
  makeEdnsQuery,
  rootServers,
  tryConnection,
} from '../../../src/commands/doctor/probes/probe-server.ts'
import { askBurst, takeReplies } from '../../../src/commands/doctor/probes/burst.ts'
import {
  knownUpstreams,
  probeUpstreams,
  zoneOf,
} from '../../../src/commands/doctor/probes/upstreams.ts'
import { Type } from '../../../src/wire/codes.ts'
import { startFixedDns } from '../../helpers/fixed-dns.ts'
import { startInOrderServer } from '../../helpers/in-order-server.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { freePort } from '../../helpers/ports.ts'
import type { Owner } from '../../helpers/processes.ts'
import { status } from './healthy-facts.ts'

const NAME = 'kubernetes.default.svc.cluster.local.'
const asked = { name: NAME, type: Type.A, recurse: true }

/** A TCP server that answers so many queries of a connection, the later half of them first, then ends it. */
async function shallowServer(owner: Owner, answers: number): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (data) => {
      const frames: Buffer[] = []
      for (let at = 0; at + 2 < data.length; at += 2 + data.readUInt16BE(at)) {
        const frame = Buffer.from(data.subarray(at, at + 2 + data.readUInt16BE(at)))
        frame[4] = frame[4]! | 0x80
        frames.push(frame)
      }
      socket.end(Buffer.concat(frames.slice(0, answers).toReversed()))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  owner.after(() => void server.close())
  return (server.address() as { port: number }).port
}

describe('probeServer()', () => {
  test('an answer, over UDP and over TCP', async (t) => {
    const dns = await startFixedDns(t)
    const { udp, tcp } = await probeServer(dns, asked)
    assert.ok(hasAnswer(udp) && hasAnswer(tcp))
    assert.match(described(udp), /^NOERROR, 1 record, \d+ octets, \d+\.\d ms$/)
    // Its answer record is not there: what is no sound message has no EDNS either.
    assert.ok(udp.kind === 'reply' && !udp.edns)
  })

  test('a closed port, and one that says nothing', async (t) => {
    const closed = await probeServer({ host: '127.0.0.1', port: await freePort() }, rootServers)
    for (const one of [closed.udp, closed.tcp])
      assert.ok(one.kind === 'failure' && one.how === 'refused')
    const dns = await startFixedDns(t)
    dns.udp = null
    dns.tcp = [2, 0]
    const { udp, tcp } = await probeServer(dns, asked)
    assert.deepEqual(
      [described(udp), tcp.kind === 'reply' && tcp.rcode],
      ['no answer within 1.5 s', 'SERVFAIL'],
    )
  })

  test('connections alone', async (t) => {
    const port = await shallowServer(t, 0)
    assert.match(described(await tryConnection({ host: '127.0.0.1', port })), /^connected, /)
    const none = await tryConnection({ host: '127.0.0.1', port: await freePort() })
    assert.ok(none.kind === 'failure' && none.how === 'refused')
  })

  test('errors of sockets in words, known ones and others', () => {
    const of = (code: string, message = ''): string =>
      failureOf(Object.assign(new Error(message), { code }), 1).how
    assert.deepEqual(
      ['EHOSTUNREACH', 'ENETUNREACH', 'EPERM', 'ECONNRESET', 'EODD\x1b'].map((code) => of(code)),
      ['prohibited', 'absent', 'forbidden', 'closed', 'odd'],
    )
    assert.equal(failureOf(new Error('Cannot ask: the connection closed'), 1).how, 'closed')
    assert.equal(failureOf(Object.assign(new Error(), { code: 'E\x1b' }), 1).text, 'E\\x1b')
    assert.throws(() => makeEdnsQuery({ ...asked, name: 'a..b' }), /it is no domain name/)
  })
})

describe('askBurst()', () => {
  test('a server that answers in order, as CoreDNS does', async (t) => {
    const [host, { port }] = ['127.0.0.1', await startInOrderServer(t)]
    const burst = await askBurst({ host, port }, NAME)
    assert.deepEqual({ ...burst, ms: 0 }, { sent: 16, answered: 16, overtaken: false, ms: 0 })
  })

  test('one that ends the connection after three, out of order', async (t) => {
    const burst = await askBurst({ host: '127.0.0.1', port: await shallowServer(t, 3) }, NAME)
    assert.deepEqual({ ...burst, ms: 0 }, { sent: 16, answered: 3, overtaken: true, ms: 0 })
  })

  test('one that is not there', async () => {
    const burst = await askBurst({ host: '127.0.0.1', port: await freePort() }, NAME)
    assert.equal(burst.answered, 0)
  })

  test('messages that are cut, or too short for one', () => {
    const message = Buffer.alloc(14)
    message.writeUInt16BE(12)
    message.writeUInt16BE(7, 2)
    assert.deepEqual(
      takeReplies(Buffer.concat([message, Buffer.from([0, 1, 9]), message.subarray(0, 5)])),
      {
        ids: [7],
        rest: message.subarray(0, 5),
      },
    )
  })
})

describe('upstreams', () => {
  const state = (address: string, transport = 'udp') => ({
    address,
    transport,
    problem: null,
    connections: 0,
    inFlight: 0,
    rttMs: null,
    answers: 0,
    failures: 0,
    lastFailure: null,
  })
  const block = (keys: string[], ...addresses: string[]) => ({
    keys,
    view: '',
    plugins: [],
    cache: null,
    upstreams: addresses.map((one) => state(one)),
  })

  test('those of the cluster come first, each once', () => {
    const known = knownUpstreams(
      status({
        blocks: [
          block(['.:53'], '172.18.0.1:53', 'nonsense'),
          block(['cluster.local.:53'], '10.96.0.11:53'),
          block(['in-addr.arpa.:53'], '10.96.0.11:53'),
        ],
      }),
      { host: '10.0.0.9', port: 53 },
      {},
      'cluster.local',
    )
    assert.deepEqual(
      known.map(({ at, zones, isCluster }) => [at.host, zones.join(' '), isCluster]),
      [
        ['10.96.0.11', 'cluster.local in-addr.arpa', true],
        ['10.0.0.9', '', true],
        ['172.18.0.1', '.', false],
      ],
    )
    const [only] = knownUpstreams(
      status({ blocks: [block(['.:53'], '10.0.0.1:53')] }),
      null,
      {},
      'cluster.local',
    )
    assert.equal(only?.isCluster, true)
    const env = { KUBE_DNS_UPSTREAM_SERVICE_HOST: '10.96.0.11' }
    assert.deepEqual(knownUpstreams(null, null, env, 'x')[0]?.at, { host: '10.96.0.11', port: 53 })
    assert.deepEqual(knownUpstreams(null, null, {}, 'x'), [])
    assert.equal(zoneOf('tls://Example.ORG.:853'), 'example.org')
  })

  test('are asked, encrypted ones connected to, and no more than there is room for', async (t) => {
    const [host, { port }] = ['127.0.0.1', await startInOrderServer(t)]
    const known = { zones: [], transport: '', isCluster: true, problem: null, rttMs: null }
    const one = { ...known, at: { host, port } }
    const question = { name: NAME, isCluster: true }
    const other = { ...one, isCluster: false, transport: 'tls' }
    const { probes, leftOut } = await probeUpstreams(
      [one, ...Array<typeof other>(7).fill(other)],
      question,
    )
    assert.equal(leftOut, 2)
    assert.equal(probes[0]?.burst?.answered, 16)
    assert.deepEqual(probes[0].tries, { answered: 9, sent: 9 })
    assert.deepEqual([probes[1]?.udp, probes[1]?.tcp.kind], [null, 'connected'])
  })
})

describe('askDaemon()', () => {
  test('says why there is no answer', async (t) => {
    const folder = temporaryFolder(t)
    const { status: answer, socket, queries } = await askDaemon('', { DNSLET_STATE_DIR: folder })
    assert.match(
      'why' in answer ? answer.why : '',
      /^No running dnslet found: .* has no admin\.sock$/,
    )
    assert.equal(socket, null)
    assert.equal(await queries(), null)
  })

  test('takes no answer of another form', async (t) => {
    const path = `${temporaryFolder(t)}/admin.sock`
    let body = JSON.stringify(status())
    const server = createServer((connection) => {
      connection.on('error', () => {})
      connection.once('data', () =>
        connection.end(
          `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
        ),
      )
    })
    await once(server.listen(path), 'listening')
    t.after(() => void server.close())
    const { status: answer, queries, socket } = await askDaemon(path, {})
    assert.ok('value' in answer && answer.value.pid === 4711)
    assert.equal(socket, path)
    assert.equal(await queries(), 1_000)
    for (const odd of ['null', '[]', '{"version":"1"}']) {
      body = odd
      const { status: refused } = await askDaemon(path, {})
      assert.match(
        'why' in refused ? refused.why : '',
        /does not answer as a dnslet of this version does/,
      )
      assert.equal(await queries(), null)
    }
  })
})

test('boundedPrograms() runs none without time', async () => {
  await assert.rejects(boundedPrograms(0).run('true', []), /Cannot run true: no time left/)
  assert.deepEqual(await boundedPrograms(5_000).run('echo', ['here']), ['here'])
})
