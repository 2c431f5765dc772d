import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { describe, test } from 'node:test'

import { serversOn } from '../../src/sys/socket-table.ts'
import { eventually } from '../helpers/eventually.ts'

/** As the kernel prints it, with the header and with addresses of port 53 and 5353. */
const tables: Readonly<Record<string, string>> = {
  '/proc/net/udp': `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  104: 0A00600A:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 00000000 0
  105: 0100007F:0035 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4712 2 00000000 0
  106: 0A00600A:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4713 2 00000000 0
`,
  '/proc/net/tcp6': `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 960000FD00000000000000000A000000:0035 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4714 1 0
   1: 00000000000000000000000000000000:0035 00000000000000000000000000000000:5300 01 00000000:00000000 00:00000000 00000000     0        0 4715 1 0
`,
}

function* read(file: string): Generator<string> {
  const text = tables[file]
  if (text === undefined) throw new Error('ENOENT')
  yield* text.split('\n')
}

describe('serversOn()', () => {
  test('lists the servers of a port, no client', () => {
    assert.deepEqual(serversOn('udp', 53, read), [
      { address: '10.96.0.10', inode: '4711', user: '0', drops: 0 },
    ])
    assert.deepEqual(serversOn('udp', 5353, read), [
      { address: '10.96.0.10', inode: '4713', user: '0', drops: 0 },
    ])
  })

  test('counts a socket once that the kernel lists again after a read', () => {
    const twice = function* (file: string): Generator<string> {
      yield* read(file)
      yield* read(file)
    }
    assert.deepEqual(serversOn('udp', 53, twice), serversOn('udp', 53, read))
  })

  test('reads IPv6 addresses', () => {
    assert.deepEqual(serversOn('tcp6', 53, read), [
      { address: 'fd00:96::a', inode: '4714', user: '0', drops: 0 },
    ])
  })

  test('reads no further than the TCP sockets that listen', () => {
    let lines = 0
    const counted = function* (file: string): Generator<string> {
      for (const line of read(file)) {
        lines++
        yield line
      }
    }
    serversOn('tcp6', 53, counted)
    // The header, the listener, and the first that is none.
    assert.equal(lines, 3)
  })

  test('lists none where the kernel shows no table', () => {
    assert.deepEqual(serversOn('tcp', 53, read), [])
  })

  test('the kernel lists TCP sockets that listen first', async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => void server.close())
    const { port } = server.address() as AddressInfo
    const clients = Array.from({ length: 200 }, () => connect(port, '127.0.0.1'))
    t.after(() => clients.forEach((client) => client.destroy()))
    await Promise.all(clients.map((client) => once(client, 'connect')))
    assert.deepEqual(
      serversOn('tcp', port).map(({ address }) => address),
      ['127.0.0.1'],
    )
  })

  test('finds each server of a table that takes several reads', async (t) => {
    const sockets = Array.from({ length: 300 }, () => createSocket('udp4'))
    t.after(() => sockets.forEach((socket) => socket.close()))
    const hosts = sockets.map((_, i) => `127.1.${i >> 8}.${i & 255}`)
    const [first, ...rest] = sockets
    first!.bind(0, hosts[0])
    await once(first!, 'listening')
    const { port } = first!.address()
    rest.forEach((socket, i) => socket.bind(port, hosts[i + 1]))
    await Promise.all(rest.map((socket) => once(socket, 'listening')))
    const found = (): string =>
      String(
        serversOn('udp', port)
          .map(({ address }) => address)
          .toSorted(),
      )
    // Another process that opens or closes sockets meanwhile makes the kernel skip some.
    await eventually(() => found() === String(hosts.toSorted()), 'all of them')
  })
})
