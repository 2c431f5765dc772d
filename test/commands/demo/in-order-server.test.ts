import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, test } from 'node:test'

import type { InOrderServer } from '../../../src/commands/demo/in-order-server.ts'
import { requireTools } from '../../helpers/debian.ts'
import { dig } from '../../helpers/dig.ts'
import { startInOrderServer } from '../../helpers/in-order-server.ts'
import type { Owner } from '../../helpers/processes.ts'

/** A query for the A record of a name, behind its length. */
function frame(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]))
  const header = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  const message = Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])])
  return Buffer.concat([Buffer.from([0, message.length]), message])
}

interface Client {
  readonly socket: Socket
  /** First label of each answer, in the order of their arrival. */
  readonly got: string[]
  /** Resolves with how the connection ended: null, or the code of the error. */
  readonly end: Promise<string | null>
}

async function client(owner: Owner, server: InOrderServer, write: Buffer): Promise<Client> {
  const socket = connect({ port: server.port, host: server.address })
  owner.after(() => void socket.destroy())
  const got: string[] = []
  let unread = Buffer.alloc(0)
  let error: string | null = null
  socket.on('error', ({ code }: NodeJS.ErrnoException) => (error = code ?? ''))
  socket.on('data', (chunk) => {
    unread = Buffer.concat([unread, chunk])
    while (unread.length > 2 && unread.length >= 2 + unread.readUInt16BE(0)) {
      got.push(unread.toString('latin1', 15, 15 + unread[14]!))
      unread = unread.subarray(2 + unread.readUInt16BE(0))
    }
  })
  const end = new Promise<string | null>((resolve) => socket.once('close', () => resolve(error)))
  await once(socket, 'connect')
  socket.write(write)
  return { socket, got, end }
}

async function answers({ socket, got }: Client, count: number): Promise<void> {
  while (got.length < count) await once(socket, 'data')
}

describe('InOrderServer', () => {
  test(
    'says NOTIMP to what is no query, as CoreDNS does, over UDP and TCP',
    { skip: requireTools('dig') },
    async (t) => {
      const { address, port } = await startInOrderServer(t)
      for (const tcp of ['+tcp', '+notcp']) {
        const { status } = await dig({ address, port }, 'a.test', '+opcode=STATUS', tcp)
        assert.equal(status, 'NOTIMP')
      }
    },
  )

  test('serves a connection in its order, and other connections meanwhile', async (t) => {
    const server = await startInOrderServer(t)
    const slow = await client(t, server, Buffer.concat(['ms200.test', 'a.test'].map(frame)))
    const fast = await client(t, server, Buffer.concat(['b.test', 'c.test'].map(frame)))
    await answers(fast, 2)
    assert.deepEqual(fast.got, ['b', 'c'])
    // The second one of the slow connection is not even read.
    assert.deepEqual(slow.got, [])
    assert.equal(server.counts.tcpQueries, 3)
    await answers(slow, 2)
    assert.deepEqual(slow.got, ['ms200', 'a'])
    const { opened, open, peak, answered } = server.counts
    assert.deepEqual([opened, open, peak, answered], [2, 2, 2, 4])
  })

  test('answers over UDP as each is ready', { skip: requireTools('dig') }, async (t) => {
    const server = await startInOrderServer(t)
    const slow = dig(server, 'ms300.test', 'A')
    const fast = await dig(server, 'fast.test', 'A')
    assert.deepEqual(fast.answer, [{ name: 'fast.test.', ttl: 30, type: 'A', data: '192.0.2.1' }])
    assert.deepEqual([server.counts.udpQueries, server.counts.answered], [2, 1])
    assert.equal((await slow).answer.length, 1)
    const none = await dig(server, 'fast.test', 'HINFO')
    assert.deepEqual([none.status, none.answer.length], ['NOERROR', 0])
    assert.match(none.edns ?? '', /udp: 1232/)
  })

  test('closes after so many answers, with a reset where queries are unread', async (t) => {
    const server = await startInOrderServer(t, { closeAfter: 2 })
    const polite = await client(t, server, Buffer.concat(['a.test', 'b.test'].map(frame)))
    assert.equal(await polite.end, null)
    assert.deepEqual(polite.got, ['a', 'b'])
    const greedy = await client(t, server, Buffer.concat(['a.test', 'b.test', 'c.test'].map(frame)))
    assert.equal(await greedy.end, 'ECONNRESET')
    assert.deepEqual(greedy.got, ['a', 'b'])
    assert.equal(server.counts.answered, 4)
  })

  test('closes a connection that asks nothing, and no one that waits', async (t) => {
    const server = await startInOrderServer(t, { firstMs: 150, idleMs: 50 })
    const silent = await client(t, server, Buffer.alloc(0))
    const waiting = await client(t, server, frame('ms300.test'))
    assert.equal(await silent.end, null)
    assert.equal(waiting.got.length, 0)
    assert.equal(await waiting.end, null)
    assert.deepEqual(waiting.got, ['ms300'])
  })

  test('closes what is above its limit of connections', async (t) => {
    const server = await startInOrderServer(t, { maxConnections: 1 })
    const first = await client(t, server, frame('a.test'))
    await answers(first, 1)
    const second = await client(t, server, Buffer.alloc(0))
    await second.end
    first.socket.destroy()
    await first.end
    while (server.counts.open > 0) await new Promise(setImmediate)
    const third = await client(t, server, frame('b.test'))
    await answers(third, 1)
    assert.deepEqual([server.counts.opened, server.counts.peak], [3, 1])
  })

  test('answers what a client asked before it closed its side', async (t) => {
    const server = await startInOrderServer(t)
    const { socket, got, end } = await client(t, server, frame('ms50.test'))
    socket.end(frame('a.test'))
    assert.equal(await end, null)
    assert.deepEqual(got, ['ms50', 'a'])
  })
})
