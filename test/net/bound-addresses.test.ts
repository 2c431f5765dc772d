// A listener for every address beside listeners for some, on one port: the kernel's choice is ours.
import assert from 'node:assert/strict'
import type { NetworkInterfaceInfo } from 'node:os'
import { describe, test } from 'node:test'
import { Clock } from '../../src/lib/clock.ts'
import { chooseUdpBackend } from '../../src/net/backend.ts'
import { BoundAddresses } from '../../src/net/bound-addresses.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { Listeners } from '../../src/net/listeners.ts'
import type { Listener } from '../../src/net/open-listener.ts'
import { nullLog } from '../helpers/null-log.ts'
import { freePort } from '../helpers/ports.ts'
import type { Owner } from '../helpers/processes.ts'
import { query, tcpClient, udpClient } from './clients.ts'
import { testServer } from './test-server.ts'

const addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.3']
const lo = addresses.map((address) => ({ address, family: 'IPv4' })) as NetworkInterfaceInfo[]

/** Opens listeners by name and tells which of them a query reached. */
class Scene {
  readonly #owner: Owner
  readonly #listeners: Listeners
  readonly #reached: string[] = []

  constructor(owner: Owner) {
    this.#owner = owner
    this.#listeners = new Listeners({
      udp: chooseUdpBackend(process.env),
      clock: new Clock(),
      counters: new NetCounters(),
      log: nullLog,
      interfaces: () => ({ lo }),
    })
  }

  async open(host: string, port: number): Promise<Listener> {
    const server = testServer()
    server.before = () => void this.#reached.push(host)
    const listener = await this.#listeners.open(host, port, server.dispatch)
    this.#owner.after(() => listener.drain(0))
    return listener
  }

  /** The listener that 20 clients reach at an address over UDP and 5 over TCP: one, or this fails. */
  async reached(address: string, port: number): Promise<string> {
    this.#reached.length = 0
    for (let id = 1; id <= 20; id++) {
      // A socket each: the kernel shares clients out by their ports.
      const client = await udpClient(this.#owner, { address, port })
      client.send(query({ id }))
      await client.wait(1)
    }
    for (let id = 1; id <= 5; id++) {
      const client = await tcpClient(this.#owner, { address, port })
      client.send(query({ id }))
      await client.wait(1)
    }
    assert.equal(this.#reached.length, 25)
    const [only, ...others] = new Set(this.#reached)
    assert.deepEqual(others, [])
    return only ?? ''
  }
}

describe('one port with and without an address', () => {
  for (const order of [
    ['', '127.0.0.2'],
    ['127.0.0.2', ''],
  ] as const) {
    test(`opened as ${order.map((host) => `'${host}'`).join(', ')}`, async (t) => {
      const scene = new Scene(t)
      const port = await freePort()
      const open = new Map<string, Listener>()
      for (const host of order) open.set(host, await scene.open(host, port))
      assert.equal(await scene.reached('127.0.0.1', port), '')
      assert.equal(await scene.reached('127.0.0.2', port), '127.0.0.2')
      assert.equal(await scene.reached('127.0.0.3', port), '')
      await open.get('127.0.0.2')!.drain(0)
      assert.equal(await scene.reached('127.0.0.2', port), '')
    })
  }

  test('an address that cannot be opened stays with the wildcard', async (t) => {
    const scene = new Scene(t)
    const port = await freePort()
    await scene.open('', port)
    await assert.rejects(scene.open('192.0.2.1', port), { code: 'EADDRNOTAVAIL' })
    assert.equal(await scene.reached('127.0.0.1', port), '')
  })
})

test('BoundAddresses counts listeners, and knows IPv6 in every spelling', () => {
  const bound = new BoundAddresses()
  bound.add('FD00:0::A', 53)
  bound.add('fd00::a', 53)
  assert.equal(bound.has('fd00::a', 53), true)
  assert.equal(bound.has('fd00::a', 54), false)
  bound.remove('fd00::a', 53)
  assert.equal(bound.has('fd00::a', 53), true)
  bound.remove('fd00::a', 53)
  assert.equal(bound.has('fd00::a', 53), false)
  bound.add('fe80::1%eth0', 53)
  assert.deepEqual([bound.has('fe80::1%eth0', 53), bound.has('fe80::1%eth1', 53)], [true, false])
})

test('both end together', async (t) => {
  const scene = new Scene(t)
  const port = await freePort()
  const wildcard = await scene.open('', port)
  const bound = await scene.open('127.0.0.2', port)
  await Promise.all([bound.drain(0), wildcard.drain(0)])
})

test('both end together, the wildcard first', async (t) => {
  const scene = new Scene(t)
  const port = await freePort()
  const bound = await scene.open('127.0.0.2', port)
  const wildcard = await scene.open('', port)
  await Promise.all([wildcard.drain(0), bound.drain(0)])
})
