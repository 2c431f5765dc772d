import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'

import { descriptorOfDatagrams, Ports } from '../../src/upstream/ports.ts'
import { SyscallError } from '../../src/sys/socket.ts'
import { freePort } from '../helpers/ports.ts'

const query = Buffer.alloc(64, 7)

test('send() sends at once, and tells that the port is closed', async (t) => {
  const peer = createSocket('udp4')
  const got: Buffer[] = []
  peer.on('message', (message) => got.push(message))
  peer.bind(0, '127.0.0.1')
  await once(peer, 'listening')
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  socket.on('error', () => {})
  socket.connect(peer.address().port, '127.0.0.1')
  await once(socket, 'connect')
  const ports = new Ports()
  const fd = descriptorOfDatagrams(socket)
  assert.equal(ports.send(fd, query, 12), null)
  await once(peer, 'message')
  assert.deepEqual(got, [query.subarray(0, 12)])
  peer.close()
  await once(peer, 'close')
  // Over loopback the kernel has the ICMP error before send() returns; libuv reads it only after us.
  assert.equal(ports.send(fd, query, 12), null)
  const failure = ports.send(fd, query, 12)
  assert.ok(failure instanceof SyscallError)
  assert.equal(failure.code, 'ECONNREFUSED')
  assert.equal(ports.send(fd, query, 12), null, 'it is told once')
})

test('send() leaves it to others where it cannot', async () => {
  assert.equal(new Ports().send(-1, query, 12), false)
  assert.equal(new Ports(null).send(3, query, 12), false)
})

test('renew() takes another port', async (t) => {
  const peer = { host: '127.0.0.1', port: await freePort() }
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  socket.connect(peer.port, peer.host)
  await once(socket, 'connect')
  const ports = new Ports()
  const used = new Set<number>()
  for (let n = 0; n < 10; n++) {
    used.add(socket.address().port)
    assert.ok(ports.renew(descriptorOfDatagrams(socket), peer))
  }
  // The kernel chooses at random, and may choose one again.
  assert.ok(used.size >= 8, `${used.size} ports`)
})
