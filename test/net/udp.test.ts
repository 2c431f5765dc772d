import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { describe, test } from 'node:test'

import { Clock } from '../../src/lib/clock.ts'
import { NetCounters, UdpDrop } from '../../src/net/counters.ts'
import { batchedBackend } from '../../src/net/udp-batch.ts'
import { dgramBackend } from '../../src/net/udp-dgram.ts'
import type { UdpBackend, UdpSocket } from '../../src/net/udp.ts'
import type { Query } from '../../src/serve/query.ts'
import { Descriptors } from '../../src/sys/descriptors.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'
import { requireTools } from '../helpers/debian.ts'
import { dig, kdig } from '../helpers/dig.ts'
import type { Owner } from '../helpers/processes.ts'
import { opt, option } from '../wire/message.ts'
import { eventually } from '../helpers/eventually.ts'
import { query, udpClient, without } from './clients.ts'
import { packets } from './corpus.ts'
import { isIntact, type TestServer, testServer } from './test-server.ts'

const loaded = libc()
const backends: (readonly [UdpBackend, Descriptors])[] = [
  [dgramBackend('test'), new Descriptors({ libc: null })],
]
if (loaded.libc !== null) {
  backends.push([dgramBackend('with the C library'), new Descriptors()])
  backends.push([batchedBackend(loaded.libc, 'test'), new Descriptors()])
}

interface Started {
  readonly socket: UdpSocket
  readonly server: TestServer
  readonly counters: NetCounters
}

async function start(
  owner: Owner,
  backend: UdpBackend,
  descriptors: Descriptors,
  address = '127.0.0.1',
): Promise<Started> {
  const server = testServer()
  const counters = new NetCounters()
  const options = { address, port: 0, descriptors, dispatcher: server, clock: new Clock() }
  const socket = await backend.open({ ...options, counters })
  owner.after(() => socket.drain(0))
  return { socket, server, counters }
}

function ids(replies: readonly { readonly wire: Buffer }[]): number[] {
  return replies.map(({ wire }) => wire.readUInt16BE(0)).toSorted((a, b) => a - b)
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i)
}

function total(counts: Float64Array): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

for (const [backend, descriptors] of backends) {
  describe(`UDP, ${backend.name} (${backend.reason})`, () => {
    for (const address of ['127.0.0.1', '127.0.0.2', '::1']) {
      test(
        `answers on ${address} from the address asked`,
        { skip: without(address) },
        async (t) => {
          const { socket, server } = await start(t, backend, descriptors, address)
          assert.equal(socket.address, address)
          const from: string[] = []
          server.before = ({ target }) => from.push(`${target.localAddress} ${target.localPort}`)
          const client = await udpClient(t, socket, address.includes(':') ? '::1' : '127.0.0.1')
          client.send(query({ id: 7 }))
          await client.wait(1)
          const { wire, from: remote } = client.replies[0]!
          assert.deepEqual([remote.address, remote.port], [address, socket.port])
          assert.ok(isIntact(wire, 7))
          assert.deepEqual(from, [`${address} ${socket.port}`])
        },
      )
    }

    for (const address of ['127.0.0.1', '::1']) {
      const skip = without(address)
      test(
        `tells the address of a client on ${address}, of a kept query too`,
        { skip },
        async (t) => {
          const { socket, server } = await start(t, backend, descriptors, address)
          const seen: unknown[] = []
          const look = (q: Query): void => {
            const { target } = q
            seen.push([target.remoteAddress(q), target.remotePort(q), target.isIPv6(q)])
          }
          server.before = look
          const client = await udpClient(t, socket)
          client.send(query({ name: 'hold.test' }), query({ name: 'hold.test' }))
          await eventually(() => server.held.length === 2, 'both arrive')
          server.held.forEach(look)
          const expected = [address, client.port, address === '::1']
          assert.deepEqual(seen, [expected, expected, expected, expected])
          server.release()
        },
      )
    }

    test('answers or ignores each packet of the corpus as the rules say', async (t) => {
      const { socket } = await start(t, backend, descriptors)
      const client = await udpClient(t, socket)
      for (const { file, octets, rcode } of packets) {
        const before = client.replies.length
        // Datagrams keep their order on loopback: when the second is answered, the first was served.
        client.send(octets, query({ id: 0xfffe, name: 'last.test' }))
        const count = rcode < 0 ? 1 : 2
        await client.wait(before + count)
        const replies = client.replies.slice(before)
        assert.equal(replies.length, count, file)
        // Replies that leave together come in any order.
        const isLast = ({ wire }: { wire: Buffer }): boolean => wire.readUInt16BE(0) === 0xfffe
        assert.ok(isIntact(replies.find(isLast)!.wire, 0xfffe), file)
        if (rcode < 0) continue
        const { wire } = replies.find((reply) => !isLast(reply))!
        assert.deepEqual(wire.subarray(0, 2), octets.subarray(0, 2), file)
        assert.equal(wire[2]! & 0x80, 0x80, file)
        assert.equal(wire[3]! & 0x0f, rcode, file)
      }
    })

    test('takes queries of 4,096 octets and cuts longer ones', async (t) => {
      const { socket, counters } = await start(t, backend, descriptors)
      const client = await udpClient(t, socket)
      const padded = (size: number): Buffer => {
        const bare = query({ additional: [opt({ options: option(12, Buffer.alloc(0)) })] }).length
        return query({ additional: [opt({ options: option(12, Buffer.alloc(size - bare)) })] })
      }
      for (const size of [513, 4096, 4097, 30_000]) {
        const wire = padded(size)
        assert.equal(wire.length, size)
        client.send(wire, wire)
        await client.wait(client.replies.length + 2)
      }
      const rcodes = client.replies.map(({ wire }) => wire[3]! & 0x0f)
      assert.deepEqual(rcodes, [0, 0, 0, 0, 1, 1, 1, 1])
      assert.equal(counters.udpTruncated, 4)
    })

    test('answers a flood, each query once', async (t) => {
      const { socket, counters } = await start(t, backend, descriptors)
      const clients = [await udpClient(t, socket), await udpClient(t, socket)]
      for (const client of clients) client.send(...range(0, 300).map((id) => query({ id })))
      for (const client of clients) await client.wait(300)
      for (const { replies } of clients) {
        assert.deepEqual(ids(replies), range(0, 300))
        assert.ok(replies.every(({ wire }) => isIntact(wire, wire.readUInt16BE(0))))
      }
      assert.equal(counters.udpReceived.sum, 600)
      await eventually(() => counters.udpSent.sum === 600, 'all counted')
      if (backend.name === 'batched') {
        assert.ok(counters.udpReceived.counts[6]! > 0, 'a batch of 64 was received')
        assert.ok(total(counters.udpSent.counts) < 60, 'sent in batches')
      }
    })

    test('serves more than a turn of the event loop at once', async (t) => {
      const { socket, server } = await start(t, backend, descriptors)
      let turns = 0
      let asked = 0
      server.before = () => {
        asked++
        if (asked === 1)
          setImmediate(function next() {
            turns++
            if (asked < 3000) setImmediate(next)
          })
      }
      const client = await udpClient(t, socket)
      client.send(...range(0, 3000).map((id) => query({ id, name: 'drop.test' })))
      await eventually(() => asked === 3000, 'all served')
      assert.ok(turns >= 2, `others had ${turns} turns`)
      client.send(query({ id: 1 }))
      await client.wait(1)
    })

    test('skips a reply the kernel refuses and sends the others', async (t) => {
      const { socket, counters } = await start(t, backend, descriptors)
      const client = await udpClient(t, socket)
      const names = ['a', 'oversized', 'b', 'oversized', 'oversized', 'c', 'oversized']
      client.send(...names.map((name, id) => query({ id, name: `${name}.test` })))
      await client.wait(3)
      assert.deepEqual(ids(client.replies), [0, 2, 5])
      await eventually(() => counters.udpDrops[UdpDrop.Unsendable] === 4, 'refusals are counted')
      assert.deepEqual([...counters.udpSendErrors.entries()], [[['EMSGSIZE'], { count: 4 }]])
    })

    test('skips a reply to a forged port 0', async (t) => {
      const { socket, server, counters } = await start(t, backend, descriptors)
      const client = await udpClient(t, socket)
      client.send(...range(0, 3).map((id) => query({ id, name: 'hold.test' })))
      await eventually(() => server.held.length === 3, 'all are kept')
      const forged = server.held[1]!
      forged.client.fill(0, 2, 4)
      server.release()
      await client.wait(2)
      assert.deepEqual(ids(client.replies), [0, 2])
      assert.equal(counters.udpDrops[UdpDrop.Unsendable], 1)
    })

    test('sends late answers, of a tick in one batch', async (t) => {
      const { socket, server, counters } = await start(t, backend, descriptors)
      const client = await udpClient(t, socket)
      client.send(...range(0, 100).map((id) => query({ id, name: 'hold.test' })))
      await eventually(() => server.held.length === 100, 'all are kept')
      assert.equal(client.replies.length, 0)
      server.release(server.held.splice(0).toReversed())
      await client.wait(100)
      assert.deepEqual(ids(client.replies), range(0, 100))
      await eventually(() => counters.udpSent.sum === 100, 'all counted')
      if (backend.name === 'batched') assert.equal(total(counters.udpSent.counts), 2)
    })

    test('keeps replies of any size apart', async (t) => {
      const { socket } = await start(t, backend, descriptors)
      const client = await udpClient(t, socket)
      // With our OPT record 1,232 octets are the most that leave.
      const sizes = [100, 1204, 1205, 1216, 1221, 50, 900, 1220, 600, 60, 1217]
      const all = [...sizes, ...sizes]
      client.send(...all.map((size, id) => query({ id, name: `size-${size}.test`, size: 65_535 })))
      await client.wait(all.length)
      for (const { wire } of client.replies) {
        const id = wire.readUInt16BE(0)
        assert.ok(isIntact(wire, id))
        // The answer and our OPT record.
        assert.equal(wire.length, all[id]! + 11)
      }
    })

    test('leaves a dropped query without a reply', async (t) => {
      const { socket } = await start(t, backend, descriptors)
      const client = await udpClient(t, socket)
      client.send(query({ id: 1, name: 'drop.test' }), query({ id: 2 }))
      await client.wait(1)
      assert.deepEqual(ids(client.replies), [2])
    })

    test('hands the next query to a dispatcher that was swapped in', async (t) => {
      const first = testServer()
      const second = testServer()
      const dispatcher = { dispatch: first.dispatch }
      const socket = await backend.open({
        address: '127.0.0.1',
        port: 0,
        descriptors,
        dispatcher,
        clock: new Clock(),
        counters: new NetCounters(),
      })
      t.after(() => socket.drain(0))
      const client = await udpClient(t, socket)
      client.send(query({ id: 1, name: 'hold.test' }))
      await eventually(() => first.held.length === 1, 'the first has it')
      dispatcher.dispatch = second.dispatch
      client.send(query({ id: 2, name: 'hold.test' }))
      await eventually(() => second.held.length === 1, 'the second has it')
      first.release()
      second.release()
      await client.wait(2)
    })

    test('close() waits for the answers of queries in flight', async (t) => {
      const { socket, server, counters } = await start(t, backend, descriptors)
      const client = await udpClient(t, socket)
      client.send(query({ id: 1, name: 'hold.test' }), query({ id: 2, name: 'hold.test' }))
      await eventually(() => server.held.length === 2, 'both are kept')
      const closed = socket.drain(5_000)
      setImmediate(() => server.release())
      await closed
      await client.wait(2)
      assert.equal(counters.udpSockets, 0)
      assert.equal(total(counters.udpDrops), 0)
    })

    test('close() gives up after its grace; answers after that are counted', async (t) => {
      const { socket, server, counters } = await start(t, backend, descriptors)
      const client = await udpClient(t, socket)
      client.send(query({ name: 'hold.test' }), query({ name: 'hold.test' }))
      await eventually(() => server.held.length === 2, 'both are kept')
      await socket.drain(1)
      server.release()
      assert.equal(counters.udpDrops[UdpDrop.Closed], 2)
      // Closing again is no error.
      await socket.drain(1)
    })

    test('shares its port with a socket of its kind, and with no other', async (t) => {
      const { socket, counters, server } = await start(t, backend, descriptors)
      const open = (port: number): Promise<UdpSocket> =>
        backend.open({
          address: '127.0.0.1',
          port,
          descriptors,
          dispatcher: server,
          clock: new Clock(),
          counters,
        })
      const second = await open(socket.port)
      t.after(() => second.drain(0))
      assert.equal(second.port, socket.port)
      const other = createSocket('udp4').bind(0, '127.0.0.1')
      await once(other, 'listening')
      t.after(() => void other.close())
      await assert.rejects(open(other.address().port), { code: 'EADDRINUSE' })
    })

    test('rejects an address this machine does not have, and keeps no descriptor', async () => {
      const before = readdirSync('/proc/self/fd').length
      const options = { address: '192.0.2.1', port: 0, descriptors, clock: new Clock() }
      const counters = new NetCounters()
      const open = backend.open({ ...options, dispatcher: testServer(), counters })
      await assert.rejects(open, { code: 'EADDRNOTAVAIL' })
      assert.equal(counters.udpSockets, 0)
      const isClosed = (): boolean => readdirSync('/proc/self/fd').length <= before
      await eventually(isClosed, 'its descriptor is closed')
    })

    test('is understood by dig and kdig', { skip: requireTools('dig', 'kdig') }, async (t) => {
      const { socket } = await start(t, backend, descriptors)
      const dug = await dig(socket, 'www.example.com', 'A')
      assert.equal(dug.status, 'NOERROR')
      assert.equal(dug.answer.length, 1)
      const cut = await dig(socket, '+bufsize=512', '+ignore', 'size-4000.test', 'A')
      assert.deepEqual([cut.flags.includes('tc'), cut.answer.length], [true, 0])
      const kdug = await kdig(socket, 'www.example.com', 'AAAA')
      assert.equal(kdug.status, 'NOERROR')
    })
  })
}

test(
  'a socket of node:dgram that closes takes no memory for good',
  { skip: !loaded.libc },
  async () => {
    const system = loaded.libc!
    let taken = 0
    const allocate = (bytes: number): ReturnType<Libc['allocate']> => {
      taken++
      return system.allocate(bytes)
    }
    const descriptors = new Descriptors({ libc: { ...system, allocate } })
    const parts = { descriptors, dispatcher: testServer(), clock: new Clock() }
    for (let i = 0; i < 20; i++) {
      const counters = new NetCounters()
      const at = { address: '127.0.0.1', port: 0, counters }
      await (await dgramBackend('test').open({ ...parts, ...at })).drain(0)
    }
    assert.equal(taken, 0)
  },
)
