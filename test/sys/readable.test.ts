import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, test } from 'node:test'

import { type Libc, libc } from '../../src/sys/libc.ts'
import { Readable } from '../../src/sys/readable.ts'
import { bindUdp, localPort, takeError } from '../../src/sys/socket.ts'
import { writeSockaddr } from '../../src/sys/sockaddr.ts'
import { type Owner, waitUntil } from '../helpers/processes.ts'

const loaded = libc()
const skip = loaded.libc === null ? loaded.reason : false
const library = loaded.libc as Libc

interface Bound {
  readonly fd: number
  readonly port: number
  /** Reads one datagram: its length, or a negative number. */
  read(): number
}

function bound(owner: Owner): Bound {
  const options = { address: '127.0.0.1', port: 0, freeBind: false, receiveBuffer: 2 ** 16 }
  const fd = bindUdp(library, options)
  owner.after(() => void library.close(fd))
  const bytes = Buffer.alloc(16)
  return { fd, port: localPort(library, fd), read: () => library.recv(fd, bytes, bytes.length, 0) }
}

/** A client that is bound to `port`, any where it is 0. */
async function client(owner: Owner, port = 0): Promise<(to: Bound, octets: number) => void> {
  const socket = createSocket('udp4').bind(port, '127.0.0.1')
  owner.after(() => void socket.close())
  await once(socket, 'listening')
  return (to, octets) => socket.send(Buffer.alloc(octets), to.port, '127.0.0.1')
}

describe('Readable', { skip }, () => {
  test('wakes turn after turn while something is left, and not before', async (t) => {
    const socket = bound(t)
    const read: number[] = []
    const readable = new Readable(library, socket.fd, () => void read.push(socket.read()))
    t.after(() => readable.close())
    const send = await client(t)
    assert.deepEqual(read, [])
    for (const octets of [3, 4, 5]) send(socket, octets)
    await waitUntil('all are read', () => read.length >= 3)
    assert.deepEqual(read, [3, 4, 5])
  })

  test('wakes nobody once it is closed, and leaves the descriptor open', async (t) => {
    const socket = bound(t)
    const readable = new Readable(library, socket.fd, () => assert.fail('woken'))
    readable.close()
    readable.close()
    const next: number[] = []
    const again = new Readable(library, socket.fd, () => void next.push(socket.read()))
    t.after(() => again.close())
    const send = await client(t)
    send(socket, 1)
    await waitUntil('the second is woken', () => next.length > 0)
    assert.deepEqual(next, [1])
  })

  test('goes on after an error of the socket, which it takes', async (t) => {
    const socket = bound(t)
    const absent = bound(t)
    const peer = absent.port
    const name = Buffer.alloc(16)
    assert.ok(writeSockaddr(library, name, false, '127.0.0.1', peer))
    assert.equal(library.connect(socket.fd, name, name.length), 0)
    const read: number[] = []
    const readable = new Readable(library, socket.fd, () => void read.push(socket.read()))
    t.after(() => readable.close())
    // A port that nobody can have opened since: it was ours a moment ago.
    library.close(absent.fd)
    // Nobody listens: the ICMP message makes this socket report ECONNREFUSED.
    assert.equal(library.send(socket.fd, Buffer.alloc(1), 1, 0), 1)
    await waitUntil('the error wakes', () => read.length > 0)
    assert.equal(takeError(library, socket.fd), 0)
    const send = await client(t, peer)
    send(socket, 7)
    await waitUntil('the datagram wakes', () => read.includes(7))
  })

  test('makes an exception an uncaught one', async (t) => {
    const socket = bound(t)
    const later: (() => void)[] = []
    const readable = new Readable(library, socket.fd, () => {
      socket.read()
      t.mock.method(globalThis, 'setImmediate', (one: () => void) => later.push(one))
      throw new Error('of the owner')
    })
    t.after(() => readable.close())
    const send = await client(t)
    send(socket, 1)
    await waitUntil('it is kept', () => later.length === 1)
    assert.throws(() => later[0]!(), /of the owner/)
  })
})
