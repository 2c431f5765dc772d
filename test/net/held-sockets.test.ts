// One process's sockets, handed to a second set of listeners: here both live in this process.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Clock } from '../../src/lib/clock.ts'
import type { HeldSocket } from '../../src/lib/held-socket.ts'
import type { Log } from '../../src/lib/log.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { Listeners } from '../../src/net/listeners.ts'
import type { Listener } from '../../src/net/open-listener.ts'
import { batchedBackend } from '../../src/net/udp-batch.ts'
import { dgramBackend } from '../../src/net/udp-dgram.ts'
import type { UdpBackend } from '../../src/net/udp.ts'
import { Protocol } from '../../src/serve/query.ts'
import { Descriptors, type Inheritance } from '../../src/sys/descriptors.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'
import { duplicate } from '../../src/sys/scm.ts'
import { nullLog } from '../helpers/null-log.ts'
import type { Owner } from '../helpers/processes.ts'
import { eventually } from '../helpers/eventually.ts'
import { query, tcpClient, udpClient } from './clients.ts'
import { type TestServer, testServer } from './test-server.ts'

const loaded = libc()
const skip = loaded.libc === null ? loaded.reason : false
const library = loaded.libc as Libc
const backends: UdpBackend[] = [batchedBackend(library, 'test'), dgramBackend('test')]

interface Side {
  readonly listeners: Listeners
  readonly server: TestServer
  readonly counters: NetCounters
  readonly warnings: string[]
  /** Ids of our queries that it got over UDP, in order. */
  readonly asked: number[]
}

function side(udp: UdpBackend, inherited?: Inheritance, descriptors = new Descriptors()): Side {
  if (inherited !== undefined) descriptors.inherit(inherited)
  const counters = new NetCounters()
  const warnings: string[] = []
  const log: Log = { ...nullLog, warning: (line) => void warnings.push(line) }
  const server = testServer()
  const asked: number[] = []
  // What was for the port's last owner, another test's at the same time, may come here: it has an id by chance.
  server.before = (q) => {
    const id = q.wire.readUInt16BE(0)
    if (q.target.protocol === Protocol.Udp && id < 100) asked.push(id)
  }
  const listeners = new Listeners({ udp, clock: new Clock(), counters, log, descriptors })
  return { listeners, server, counters, warnings, asked }
}

async function open(
  owner: Owner,
  { listeners, server }: Side,
  host: string,
  port = 0,
): Promise<Listener> {
  const listener = await listeners.open(host, port, server.dispatch)
  owner.after(() => listener.drain(0))
  return listener
}

/** Copies of sockets, as another process would receive them. */
function copies(held: readonly HeldSocket[]): Inheritance & { readonly left: HeldSocket[] } {
  const left = held.map((socket) => ({ ...socket, fd: duplicate(library, socket.fd) }))
  const find = (...[kind, host, port]: Parameters<Inheritance['has']>): number =>
    left.findIndex((s) => s.kind === kind && s.host === host && s.port === port)
  return {
    left,
    has: (...socket) => find(...socket) >= 0,
    take: (...socket) => {
      const at = find(...socket)
      return at < 0 ? null : left.splice(at, 1)[0]!.fd
    },
    takeTun: () => null,
  }
}

describe('sockets of a predecessor', { skip }, () => {
  test('are left to it until the successor begins', async (t) => {
    const [backend] = backends.filter(({ name }) => name === 'batched')
    const old = side(backend!)
    const before = await open(t, old, '127.0.0.1')
    const { port } = before
    const young = side(backend!, copies(before.held()))
    const after = await open(t, young, '127.0.0.1', port)
    const client = await udpClient(t, { address: '127.0.0.1', port })
    for (let id = 1; id <= 20; id++) client.send(query({ id }))
    await client.wait(20)
    assert.deepEqual([old.asked.length, young.asked.length], [20, 0])
    before.stopReading()
    client.send(query({ id: 21 }))
    after.begin()
    await client.wait(21)
    assert.deepEqual(young.asked, [21])
    await before.drain(1_000)
  })

  for (const from of backends) {
    for (const to of backends) {
      test(`${from.name} to ${to.name}: what the old one has not read, the new one answers`, async (t) => {
        const old = side(from)
        const before = await open(t, old, '127.0.0.1')
        const { port } = before
        const inherited = copies(before.held())
        const client = await udpClient(t, { address: '127.0.0.1', port })
        client.send(query({ id: 1, name: 'hold.test' }))
        await eventually(() => old.server.held.length === 1, 'the old one has a query')

        before.stopReading()
        client.send(query({ id: 2 }), query({ id: 3 }))
        // Nobody accepts now: the kernel holds the connection for whoever does.
        const early = await tcpClient(t, { address: '127.0.0.1', port })
        const young = side(to, inherited)
        const after = await open(t, young, '127.0.0.1', port)
        assert.deepEqual(inherited.left, [], 'all are in use')
        after.begin()
        assert.deepEqual(young.warnings, [], 'nobody else is said to have the port')
        await client.wait(2)
        early.send(query({ id: 4 }))
        await early.wait(1)

        old.server.release()
        await client.wait(3)
        const ids = client.replies.map(({ wire }) => wire.readUInt16BE(0))
        assert.deepEqual(ids, [2, 3, 1], 'a late answer of the old one comes from the same address')
        assert.ok(client.replies.every(({ from: { port: source } }) => source === port))
        await before.drain(1_000)
        client.send(query({ id: 5 }))
        await client.wait(4)
        assert.deepEqual([old.asked, young.asked], [[1], [2, 3, 5]])
        assert.equal(
          old.counters.udpDrops.reduce((sum, n) => sum + n),
          0,
        )
      })
    }
  }

  test('a wildcard hands on a UDP socket for each address', async (t) => {
    const [backend] = backends
    const before = await open(t, side(backend!), '')
    const held = before.held()
    assert.ok(held.some(({ kind, host }) => kind === 'udp' && host === '127.0.0.1'))
    assert.deepEqual(
      held.filter(({ kind }) => kind === 'tcp').map(({ host, port }) => [host, port]),
      [['', before.port]],
    )
    const inherited = copies(held)
    await open(t, side(backend!, inherited), '', before.port)
    assert.deepEqual(inherited.left, [])
  })

  test('an address that was not handed on is opened', async (t) => {
    const [backend] = backends
    const before = await open(t, side(backend!), '127.0.0.1')
    const inherited = copies(before.held())
    const young = side(backend!, inherited)
    const other = await open(t, young, '127.0.0.2', before.port)
    assert.equal(inherited.left.length, 2)
    for (const { fd } of inherited.left) library.close(fd)
    const client = await udpClient(t, { address: '127.0.0.2', port: other.port })
    client.send(query({ id: 1 }))
    await client.wait(1)
  })

  test('without the C library nothing can be handed on', async (t) => {
    const before = await open(
      t,
      side(dgramBackend('test'), undefined, new Descriptors({ libc: null })),
      '127.0.0.1',
    )
    assert.deepEqual(
      before.held().map(({ kind }) => kind),
      ['tcp'],
    )
  })
})
