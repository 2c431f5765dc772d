import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, test } from 'node:test'

import { Clock } from '../../src/lib/clock.ts'
import { chooseUdpBackend } from '../../src/net/backend.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { Listeners } from '../../src/net/listeners.ts'
import { libc } from '../../src/sys/libc.ts'
import { nullLog } from '../helpers/null-log.ts'
import { freePort } from '../helpers/ports.ts'
import type { Owner } from '../helpers/processes.ts'
import { query, tcpClient, udpClient } from './clients.ts'
import { testServer } from './test-server.ts'

const udp = chooseUdpBackend(process.env)
const skip = libc().libc === null ? 'the C library cannot be called' : false
const hasIpv6 = networkInterfaces()['lo']?.some(({ address }) => address === '::1') === true
const addresses = ['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])]

function listeners(): Listeners {
  return new Listeners({ udp, clock: new Clock(), counters: new NetCounters(), log: nullLog })
}

/** What becomes of a process that binds there with SO_REUSEPORT: over UDP, over TCP. */
async function bindBoth(host: string, port: number): Promise<string[]> {
  const overUdp = await new Promise<string>((resolve) => {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', reusePort: true })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!))
    socket.bind(port, host, () => socket.close(() => resolve('bound')))
  })
  const overTcp = await new Promise<string>((resolve) => {
    const server = createServer()
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!))
    server.listen({ host, port, reusePort: true }, () => server.close(() => resolve('bound')))
  })
  return [overUdp, overTcp]
}

const both = ['bound', 'bound']
const neither = ['EADDRINUSE', 'EADDRINUSE']

async function answers(owner: Owner, port: number): Promise<void> {
  const server = { address: '127.0.0.1', port }
  const client = await udpClient(owner, server)
  client.send(query({ name: 'a.test' }))
  await client.wait(1)
  const stream = await tcpClient(owner, server)
  stream.send(query({ name: 'a.test' }))
  await stream.wait(1)
}

describe('Listeners.sharePort()', { skip }, () => {
  for (const address of addresses) {
    test(`keeps others out of ${address}, and lets them in again`, async (t) => {
      const own = listeners()
      const port = await freePort(address)
      const listener = await own.open(address, port, testServer().dispatch)
      t.after(() => listener.drain(0))
      assert.deepEqual(await bindBoth(address, port), both)
      for (let i = 0; i < 2; i++) {
        own.sharePort(false)
        assert.deepEqual(await bindBoth(address, port), neither)
        assert.deepEqual(await bindBoth(address, port), neither, 'the kernel remembers nothing')
        own.sharePort(true)
        assert.deepEqual(await bindBoth(address, port), both)
      }
    })
  }

  test('serves on meanwhile', async (t) => {
    const own = listeners()
    const port = await freePort()
    const listener = await own.open('127.0.0.1', port, testServer().dispatch)
    t.after(() => listener.drain(0))
    own.sharePort(false)
    await answers(t, port)
  })

  test('holds for what is opened later', async (t) => {
    const own = listeners()
    own.sharePort(false)
    const port = await freePort()
    const listener = await own.open('127.0.0.1', port)
    t.after(() => listener.drain(0))
    assert.deepEqual(await bindBoth('127.0.0.1', port), neither)
  })

  test('does not keep ourselves out: an address of a wildcard gets a listener, and loses it', async (t) => {
    const own = listeners()
    const port = await freePort()
    const wildcard = await own.open('0.0.0.0', port, testServer().dispatch)
    t.after(() => wildcard.drain(0))
    own.sharePort(false)
    const [overUdp] = await bindBoth('127.0.0.1', port)
    assert.equal(overUdp, 'EADDRINUSE')
    const bound = await own.open('127.0.0.1', port, testServer().dispatch)
    await answers(t, port)
    await bound.drain(0)
    await answers(t, port)
    const [again] = await bindBoth('127.0.0.1', port)
    assert.equal(again, 'EADDRINUSE')
  })

  test('lets whoever comes next in while the last queries are answered', async () => {
    const own = listeners()
    own.sharePort(false)
    const port = await freePort()
    const listener = await own.open('127.0.0.1', port)
    const closed = listener.drain(1_000)
    own.sharePort(false)
    assert.deepEqual(await bindBoth('127.0.0.1', port), both)
    await closed
  })

  test('leaves sockets alone that a successor has', async (t) => {
    const own = listeners()
    const port = await freePort()
    const listener = await own.open('127.0.0.1', port)
    own.sharePort(false)
    t.after(() => listener.drain(0))
    listener.stopReading()
    own.sharePort(true)
    assert.deepEqual((await bindBoth('127.0.0.1', port))[0], 'EADDRINUSE')
  })
})
