import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { readFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'

import { Backends, ITSELF, kernelBackends } from '../../src/upstream/backends.ts'
import type { UpstreamContext } from '../../src/upstream/context.ts'
import { Transport } from '../../src/upstream/counters.ts'
import { Secure, TlsIdentity } from '../../src/upstream/secure.ts'
import { Spread } from '../../src/upstream/spread.ts'
import type { TcpPool } from '../../src/upstream/tcp-pool.ts'
import type { UpstreamConnection } from '../../src/upstream/upstream-connection.ts'
import { makeCertificates, SERVER_NAME } from '../helpers/certificates.ts'
import type { Owner } from '../helpers/processes.ts'
import { exchange, Log, manual, type Manual, options, tcpPool } from './channel.ts'
import { type Asked, eventually, honest, type Scripted, startScripted } from './scripted.ts'
import { startTlsServer } from './tls-server.ts'

const pem = makeCertificates({ after })

describe('connections share the queries among the servers behind an address', () => {
  test('one to each that connection tracking knows, and each has its part', async (t) => {
    const world = await start(t, (n) => 'aaabcbac'[n % 8]!)
    await world.rounds(3)
    await world.ask(90)
    assert.deepEqual(world.parts(90), { a: 30, b: 30, c: 30 })
    assert.equal(world.open(), 3)
  })

  test('no more than four of them at once, and then another in place of the oldest', async (t) => {
    const world = await start(t, (n) => 'abcdef'[n % 6]!)
    const seen = new Set<string>()
    for (let i = 0; i < 5; i++) {
      await world.rounds(1)
      await world.ask(8)
      const parts = Object.keys(world.parts(8))
      for (const one of parts) seen.add(one)
      assert.ok(parts.length <= 4, parts.join())
    }
    assert.equal(world.open(), 4)
    assert.equal(seen.size, 6)
    const before = world.dialled()
    await world.rounds(3)
    assert.ok(world.dialled() - before <= 15, 'the number of servers is no news')
  })

  test('after news the next connections come sooner', async (t) => {
    const world = await start(t, (n) => (n % 3 === 2 ? 'b' : 'a'))
    await world.ask(40)
    world.time.pass(2_500)
    await world.ask(40)
    assert.equal(world.dialled(), 3, 'a was news')
    for (let i = 0; i < 8; i++) {
      world.time.pass(2_500)
      await world.ask(40)
    }
    assert.equal(world.dialled(), 11, 'b was')
    world.time.pass(9_000)
    await world.ask(40)
    assert.equal(world.dialled(), 11)
  })

  test('five where nothing tells servers apart', async (t) => {
    const world = await start(t, null)
    await world.rounds(3)
    await world.ask(20)
    assert.equal(world.open(), 5)
    assert.equal(new Set(world.ports(20)).size, 5)
  })

  test('two where the address is a server itself, which are followed all the same', async (t) => {
    const world = await start(t, () => '')
    await world.ask(40)
    const [first] = world.ports(40)
    await world.rounds(4)
    await world.ask(40)
    assert.equal(world.open(), 2)
    assert.ok(!world.ports(40).includes(first!))
    assert.ok(world.renewed() > 0)
    assert.equal(world.renewed(), world.dialled() - 2, 'each that came took the place of one')
  })

  test('over TLS as well', async (t) => {
    const world = await start(t, (n) => 'aabc'[n % 4]!, { encrypted: true })
    await world.rounds(2)
    await world.ask(30)
    assert.deepEqual(world.parts(30), { a: 10, b: 10, c: 10 })
  })

  test('one that no other came to for two minutes is given up', async (t) => {
    const world = await start(t, (n) => (n === 0 ? 'gone' : 'ab'[n % 2]!))
    await world.rounds(2)
    await world.ask(9)
    assert.deepEqual(world.parts(9), { gone: 3, a: 3, b: 3 })
    await world.rounds(2)
    await world.ask(8)
    assert.deepEqual(world.parts(8), { a: 4, b: 4 })
  })

  test('without the right to ask, the kernel is asked once', () => {
    let asked = 0
    const backends = new Backends(() => {
      asked++
      return constants.errno.EPERM
    })
    const end = { host: '10.96.0.10', port: 53 }
    assert.equal(backends.of(end, end), null)
    assert.equal(backends.of(end, end), null)
    assert.equal(asked, 1)
  })

  test('a loopback address is its own server, whether or not the kernel may be asked', () => {
    const backends = kernelBackends(null)
    const here = (host: string) => ({ host, port: 53 })
    assert.equal(backends.of(here('127.0.0.1'), here('127.0.0.53')), ITSELF)
    assert.equal(backends.of(here('::1'), here('::1')), ITSELF)
    assert.equal(backends.of(here('10.0.0.1'), here('10.0.0.1')), null)
  })

  test('a daemon without queries, or with few, opens none', async (t) => {
    const world = await start(t, null)
    await world.ask(40)
    for (let i = 0; i < 20; i++) world.time.pass(60_000)
    assert.equal(world.dialled(), 2)
    await eventually(() => world.open() === 0, 'their end')
  })
})

describe('who is followed', () => {
  test('answers what it was asked, takes nothing more and then ends', async (t) => {
    const world = await start(t, null)
    await world.ask(40)
    // The two that there are keep one query each.
    const held: Asked[] = []
    world.upstream.script = (one, n) => {
      if (one.wire.includes('slow')) held.push(one)
      else honest(one, n)
    }
    for (const name of ['slow0', 'slow1']) world.pool.ask(exchange(name))
    await eventually(() => held.length === 2, 'both')
    await world.rounds(4)
    assert.equal(held.length, 2)
    const ports = held.map(({ port }) => port)
    await world.ask(60)
    assert.ok(!world.ports(60).some((port) => ports.includes(port)))
    assert.equal(world.servers('slow').length, 2, 'nothing is asked twice')
    const before = world.open()
    for (const one of held) honest(one, 0)
    await eventually(() => world.open() === before - 2, 'their end')
    assert.equal(world.host.got.filter((name) => name.startsWith('slow')).length, 2)
    assert.deepEqual(world.host.lostWith, [])
  })

  test('and so end after two minutes those that slow names have needed', () => {
    const spread = new Spread(0)
    const needed = (readyAt: number, isMember: boolean): UpstreamConnection =>
      ({ isReady: true, isMember, isRetired: false, readyAt }) as UpstreamConnection
    const all = [needed(0, false), needed(2_000, false), needed(0, true)]
    spread.age(all, 120_001)
    assert.deepEqual(
      all.map(({ isRetired }) => isRetired),
      [true, false, false],
    )
  })

  test('stays where its successor comes to nothing, and the next pause is longer', async (t) => {
    const most = 2
    const world = await start(t, null, { most })
    await world.ask(40)
    const ports = new Set(world.ports(40))
    for (let i = 0; i < 75; i++) {
      world.time.pass(8_000)
      await world.ask(16)
    }
    assert.deepEqual(new Set(world.ports(16)), ports)
    // In ten minutes: after 2 s, 4, 8, 16 and so on.
    assert.ok(world.dialled() <= 12, `${world.dialled()} dials`)
    assert.deepEqual(world.host.lostWith, [])
  })
})

describe('a second attempt', () => {
  test('goes to another server, and where it has not arrived there, to whoever is left', async (t) => {
    let where = ''
    const unacknowledged = { octets: 0 }
    const world = await start(t, (n) => 'ab'[n] ?? where, { unacknowledged })
    await world.ask(40)
    const held: number[] = []
    world.upstream.script = (one, n) => {
      if (one.wire.includes('slow')) held.push(one.port)
      else honest(one, n)
    }
    const first = exchange('slow')
    world.pool.ask(first)
    await eventually(() => held.length === 1, 'the first attempt')
    const [slow = ''] = world.servers('slow')
    where = slow
    world.time.pass(2_500)
    await world.ask(1)
    await eventually(() => world.open() === 3, 'another connection to the same server')
    await world.ask(0)
    const isCalm = (): boolean => world.pool.answers === world.upstream.asked.length - held.length
    for (let i = 0; i < 3; i++) {
      const second = exchange(`q-again${i}`)
      Object.assign(second, { again: true, avoid: first.carrier })
      await eventually(isCalm, 'answers to all others, as a second attempt goes alone')
      world.pool.ask(second)
      await eventually(() => world.servers(`q-again${i}`).length === 1, 'the second attempt')
      assert.notEqual(world.servers(`q-again${i}`)[0], slow)
    }
    const second = exchange('slow-too')
    Object.assign(second, { again: true, avoid: first.carrier })
    await eventually(isCalm, 'answers to all others')
    world.pool.ask(second)
    await eventually(() => held.length === 2, 'an attempt that gets no answer')
    assert.equal(world.pool.patience(second), 270, 'it arrived')
    unacknowledged.octets = 50
    assert.ok(world.pool.patience(second) > 0)
    await eventually(() => held.length === 3, 'another one')
    assert.equal(new Set(held).size, 3)
  })
})

interface World {
  readonly host: Log
  readonly pool: TcpPool
  readonly time: Manual
  readonly upstream: Pick<Scripted, 'asked' | 'script'>
  /** Asks so many names, one after the other. */
  ask(count: number): Promise<void>
  /** So often 40 s with queries, in which there is time for new connections. */
  rounds(count: number): Promise<void>
  open(): number
  dialled(): number
  renewed(): number
  /** Source ports of the last queries. */
  ports(count: number): number[]
  /** How many of the last queries each server had. */
  parts(count: number): Record<string, number>
  /** Where the queries for such names went. */
  servers(label: string): string[]
}

interface Options {
  /** Connections beyond this are closed by the upstream. */
  readonly most?: number
  readonly encrypted?: boolean
  /** What the kernel says of all that was sent. */
  readonly unacknowledged?: { readonly octets: number }
}

/** @param serverOf where each connection leads, '' where the address is the server's own; null: nobody can tell */
async function start(
  t: Owner,
  serverOf: ((n: number) => string) | null,
  { most = Infinity, encrypted = false, unacknowledged = { octets: 0 } }: Options = {},
): Promise<World> {
  const upstream = encrypted ? await startEncrypted(t) : await startScripted(t, honest, 0, most)
  const time = manual()
  const led = new Map<number, string>()
  const backends = new Backends((from, to) => {
    if (serverOf === null) return constants.errno.ENOENT
    const server = serverOf(led.size)
    led.set(from.port, server)
    return server === '' ? `${to.host}:${to.port}` : server
  })
  const kernel = { add() {}, send() {}, pending: () => unacknowledged.octets }
  const acknowledgements = kernel as unknown as UpstreamContext['acknowledgements']
  const context = { ...time.context, acknowledgements, backends }
  const host = new Log()
  const secure = encrypted ? encryption(upstream.port) : null
  const o = options({ ...time, context }, upstream.port, { secure })
  const transport = encrypted ? Transport.Tls : Transport.Tcp
  const pool = tcpPool(host, o)
  t.after(() => pool.close())
  let asked = 0
  const ports = (count: number): number[] => upstream.asked.slice(-count).map(({ port }) => port)
  const ask = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      pool.ask(exchange(`q${asked++}`))
      // What waits for a tick of the wheel gets one now and then.
      for (let turn = 1; answered(host) < asked; turn++) {
        await setImmediate()
        if (turn % 100 === 0) time.pass(10)
      }
    }
    await eventually(() => o.counters.open[transport] === upstream.open, 'connections')
  }
  return {
    ask,
    host,
    pool,
    ports,
    time,
    upstream,
    async rounds(count) {
      // Not in one go: who is idle for ten seconds is closed.
      for (let i = 0; i < 5 * count; i++) {
        await ask(16)
        time.pass(8_000)
      }
      await ask(16)
    },
    open: () => upstream.open,
    dialled: () => o.counters.dialled[transport]!,
    renewed: () => o.counters.retired,
    parts: (count) =>
      Object.fromEntries(
        [...Map.groupBy(ports(count), (port) => led.get(port)!)].map(([k, v]) => [k, v.length]),
      ),
    servers: (label) =>
      upstream.asked.filter(({ wire }) => wire.includes(label)).map(({ port }) => led.get(port)!),
  }
}

function answered({ got }: Log): number {
  return got.filter((name) => name.startsWith('q')).length
}

type Listening = Pick<Scripted, 'asked' | 'open' | 'port' | 'script'>

async function startEncrypted(t: Owner): Promise<Listening> {
  const asked: Asked[] = []
  const server = await startTlsServer(t, pem, {}, (one) => {
    asked.push(one)
    upstream.script(one, asked.length)
  })
  const upstream = {
    asked,
    port: server.port,
    script: honest,
    get open() {
      return server.open.size
    },
  }
  return upstream
}

function encryption(port: number): Secure {
  const identity = new TlsIdentity({ ca: readFileSync(pem.ca, 'utf8'), cert: null, key: null })
  const encrypted = { identity, method: 'POST', serverName: SERVER_NAME } as const
  const endpoint = { host: '127.0.0.1', port }
  return new Secure(endpoint, null, { ...encrypted, transport: Transport.Tls }, () => {})
}
