import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'

import { type Libc, libc as loadedLibc } from '../../src/sys/libc.ts'
import { openFilesLimit } from '../../src/sys/limits.ts'
import { SyscallError } from '../../src/sys/socket.ts'
import { Result, Transport } from '../../src/upstream/counters.ts'
import { Ports } from '../../src/upstream/ports.ts'
import { exchange, Log, manual, options, udpPool } from './channel.ts'
import {
  answerTo,
  type Asked,
  eventually,
  honest,
  silent,
  startScripted,
  withAnotherId,
} from './scripted.ts'

const RLIMIT_NOFILE = 7
const { ECONNREFUSED } = constants.errno

/** Lets this process open descriptors below `soft`; only root raises `hard` again. */
function limitFiles(libc: Libc, soft: number, hard: number): void {
  const limits = new BigUint64Array([soft, hard].map(BigInt))
  assert.equal(libc.setrlimit(RLIMIT_NOFILE, new Uint8Array(limits.buffer)), 0)
}

describe('UdpPool', () => {
  test('asks under random ids from many ports, none of them for long', async (t) => {
    const upstream = await startScripted(t, honest)
    const host = new Log()
    const o = options(manual(), upstream.port)
    const pool = udpPool(host, o)
    const count = 4000
    for (let i = 0; i < count; i += 100) {
      for (let j = 0; j < 100; j++) pool.ask(exchange(`q${i + j}`))
      await eventually(() => host.got.length >= i + 90, 'answers')
    }
    const ports = Map.groupBy(upstream.asked, ({ port }) => port)
    // 64 are in use at once, the others of a hundred share theirs.
    assert.ok(ports.size > count / 16, `${ports.size} ports`)
    for (const asked of ports.values()) assert.ok(asked.length <= 128)
    const ids = new Set(upstream.asked.map(({ id }) => id))
    assert.ok(ids.size > 0.9 * upstream.asked.length, `${ids.size} ids`)
    const steps = upstream.asked.slice(1).map(({ id }, i) => id - upstream.asked[i]!.id)
    assert.ok(
      steps.filter((step) => Math.abs(step) < 64).length < count / 50,
      'ids are no sequence',
    )
    pool.close()
    assert.ok(o.counters.open[Transport.Udp]! <= 64 + 64)
  })

  test('uses a port for four queries, and for five seconds', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const host = new Log()
    const pool = udpPool(host, options(time, upstream.port))
    const ask = async (): Promise<number> => {
      const before = host.got.length
      pool.ask(exchange('q'))
      await eventually(() => host.got.length > before, 'an answer')
      return upstream.asked.at(-1)!.port
    }
    const used: number[] = []
    for (let i = 0; i < 200; i++) used.push(await ask())
    const ports = [...Map.groupBy(used, (port) => port).values()]
    assert.ok(ports.length >= 45, `${ports.length} ports`)
    for (const { length } of ports) assert.ok(length <= 8, 'four, unless the kernel chose it twice')
    const last = await ask()
    assert.equal(await ask(), last)
    time.pass(5001)
    assert.notEqual(await ask(), last)
    pool.close()
  })

  test('without the C library a port is used for 64 queries', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const context = { ...time.context, ports: new Ports(null) }
    const host = new Log()
    const pool = udpPool(host, options({ ...time, context }, upstream.port))
    for (let i = 0; i < 130; i++) {
      pool.ask(exchange('q'))
      await eventually(() => host.got.length > i, 'an answer')
    }
    assert.equal(new Set(upstream.asked.map(({ port }) => port)).size, 3)
    pool.close()
  })

  test('closes sockets after `expire`, and those beyond max_idle_conns', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const host = new Log()
    const o = options(time, upstream.port, { maxIdle: 2, expire: 5000 })
    const pool = udpPool(host, o)
    for (let i = 0; i < 60; i++) pool.ask(exchange(`q${i}`))
    await eventually(() => host.got.length === 60, 'answers')
    assert.ok(o.counters.open[Transport.Udp]! > 2)
    time.pass(1000)
    assert.equal(o.counters.open[Transport.Udp], 2)
    time.pass(5000)
    assert.equal(o.counters.open[Transport.Udp], 0)
  })

  test('a port is used no longer than `max_age`', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const host = new Log()
    const pool = udpPool(host, options(time, upstream.port, { expire: 1000, maxAge: 1000 }))
    const ports: number[] = []
    for (const [i, ms] of [0, ...new Array<number>(11).fill(400)].entries()) {
      time.clock.advance(ms)
      pool.ask(exchange(`q${i}`))
      await eventually(() => host.got.length === i + 1, 'an answer')
      ports.push(upstream.asked.at(-1)!.port)
    }
    const each = [0, 3, 6, 9].map((i) => ports.slice(i, i + 3))
    for (const three of each) assert.equal(new Set(three).size, 1)
    // The kernel chooses at random, and may choose one again.
    assert.ok(new Set(ports).size >= 3, String(ports))
    pool.close()
  })

  test('a refused packet fails the queries of its socket and starts a pause', async (t) => {
    const upstream = await startScripted(t, honest)
    await upstream.close()
    const time = manual()
    const host = new Log()
    const o = options(time, upstream.port)
    const pool = udpPool(host, o)
    pool.ask(exchange('a'))
    await eventually(() => host.lostWith.length === 1, 'the failure')
    assert.deepEqual(host.lostWith, [[Result.Refused, 'ECONNREFUSED']])
    assert.ok(!pool.isReady(time.clock.now))
    const again = await startScripted(t, honest, upstream.port)
    const waiting = exchange('b')
    const dropped = exchange('c')
    pool.ask(waiting)
    pool.ask(dropped)
    dropped.carrier!.cancel(dropped)
    assert.equal(o.counters.dialled[Transport.Udp], 1, 'nothing is sent during the pause')
    time.pass(60)
    await eventually(() => host.got.length === 1, 'an answer')
    assert.equal(again.asked.length, 1)
    pool.close()
  })

  test('errors with answers between them are those of single sockets', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    let fails = false
    class FailingPorts extends Ports {
      override send(fd: number, bytes: Uint8Array, length: number): SyscallError | false | null {
        if (!fails) return super.send(fd, bytes, length)
        fails = false
        return new SyscallError('send', ECONNREFUSED)
      }
    }
    const context = { ...time.context, ports: new FailingPorts() }
    const host = new Log()
    const pool = udpPool(host, options({ ...time, context }, upstream.port))
    for (let i = 0; i < 6; i++) {
      fails = i > 0
      pool.ask(exchange(`q${i}`))
      await eventually(() => host.got.length + host.lostWith.length > i, 'an answer')
    }
    assert.deepEqual(host.lostWith, [])
    assert.ok(pool.isReady(time.clock.now))
    pool.close()
  })

  test('where there is no descriptor for another socket, queries share those that are there', async (t) => {
    const { libc } = loadedLibc()
    const upstream = await startScripted(t, (asked, n) => void setImmediate(honest, asked, n))
    const time = manual()
    const host = new Log()
    const o = options(time, upstream.port)
    const pool = udpPool(host, o)
    const ask = async (count: number): Promise<void> => {
      const wanted = host.got.length + host.lostWith.length + count
      for (let i = 0; i < count; i++) pool.ask(exchange(`q${i}`))
      await eventually(() => host.got.length + host.lostWith.length === wanted, 'all')
    }
    await ask(2)
    const most = openFilesLimit()
    const next = openSync('/dev/null', 'r')
    closeSync(next)
    t.after(() => limitFiles(libc!, most, most))
    limitFiles(libc!, next, most)
    for (let i = 0; i < 3; i++) await ask(20)
    assert.deepEqual(host.lostWith, [])
    assert.equal(o.counters.open[Transport.Udp], 2)
    assert.ok(pool.isReady(time.clock.now), 'the upstream is not to blame')
    const before = upstream.asked.length
    for (let i = 0; i < 6; i++) await ask(1)
    const ports = new Set(upstream.asked.slice(before).map(({ port }) => port))
    assert.equal(ports.size, 1, 'a worn port is kept: who gives it back may get none')
    limitFiles(libc!, most, most)
    time.clock.advance(1_000)
    await ask(10)
    assert.equal(o.counters.open[Transport.Udp], 10)
    pool.close()
  })

  test('asks from the source address it is given, and says when there is none', async (t) => {
    const upstream = await startScripted(t, honest)
    const host = new Log()
    const pool = udpPool(host, options(manual(), upstream.port, { source: '127.0.0.9' }))
    pool.ask(exchange('a'))
    await eventually(() => host.got.length === 1, 'an answer')
    pool.close()
    const other = udpPool(host, options(manual(), upstream.port, { source: '203.0.113.9' }))
    other.ask(exchange('b'))
    await eventually(() => host.lostWith.length === 1, 'the failure')
    assert.deepEqual(host.lostWith, [[Result.Unreachable, 'EADDRNOTAVAIL']])
  })

  test('a port whose query was lost is not used again', async (t) => {
    const upstream = await startScripted(t, (asked, n) => void (n > 1 && honest(asked, n)))
    const host = new Log()
    const pool = udpPool(host, options(manual(), upstream.port))
    const first = exchange('a')
    pool.ask(first)
    await upstream.waitFor(1)
    pool.ask(exchange('a'))
    await eventually(() => host.got.length === 1, 'an answer')
    pool.beaten(first)
    first.carrier!.cancel(first)
    // What is idle is taken in turn, the last one first.
    for (let i = 0; i < 2; i++) pool.ask(exchange('b'))
    await eventually(() => host.got.length === 3, 'answers')
    const [lost, ...others] = upstream.asked.map(({ port }) => port)
    assert.ok(!others.includes(lost!), 'port of the one that was lost')
    pool.close()
  })

  test('where sockets are shared, another attempt still takes another one', async (t) => {
    const upstream = await startScripted(t, silent)
    const pool = udpPool(new Log(), options(manual(), upstream.port))
    for (let i = 0; i < 16; i++) pool.ask(exchange(`q${i}`))
    for (let i = 0; i < 400; i++) {
      const first = exchange('a')
      pool.ask(first)
      const second = exchange('a')
      second.again = true
      second.avoid = first.carrier
      pool.ask(second)
      assert.notEqual(second.carrier, first.carrier)
    }
    pool.close()
  })

  test('an answer from elsewhere is none, though its id and its question are right', async (t) => {
    const forger = createSocket('udp4')
    forger.bind(0, '127.0.0.1')
    await once(forger, 'listening')
    t.after(() => forger.close())
    const held: Asked[] = []
    const upstream = await startScripted(t, (asked) => void held.push(asked))
    const host = new Log()
    const o = options(manual(), upstream.port)
    const pool = udpPool(host, o)
    pool.ask(exchange('a'))
    await upstream.waitFor(1)
    const { port, wire, reply } = held[0]!
    // It comes before what the upstream sends next.
    await promisify<Buffer, number, string>(forger.send.bind(forger))(
      answerTo(wire),
      port,
      '127.0.0.1',
    )
    reply(withAnotherId(answerTo(wire)))
    await eventually(() => o.counters.mismatches === 1, 'a wrong id')
    assert.deepEqual(host.got, [])
    reply(answerTo(wire))
    await eventually(() => host.got.length === 1, 'the answer')
    assert.equal(o.counters.mismatches, 1, 'what came from elsewhere has not reached us')
    pool.close()
  })

  test('one late answer is excused for each query that was given up, at its port alone', async (t) => {
    const upstream = await startScripted(t, silent)
    const host = new Log()
    const o = options(manual(), upstream.port)
    const pool = udpPool(host, o)
    const ask = async (): Promise<{ readonly asked: Asked; giveUp(): void }> => {
      const x = exchange('a')
      pool.ask(x)
      await upstream.waitFor(upstream.asked.length + 1)
      return { asked: upstream.asked.at(-1)!, giveUp: () => x.carrier!.cancel(x) }
    }
    const late = await ask()
    late.giveUp()
    for (let i = 0; i < 2; i++) late.asked.reply(answerTo(late.asked.wire))
    await eventually(() => o.counters.mismatches === 1, 'the second answer')
    for (let i = 0; i < 3; i++) (await ask()).giveUp()
    let last = await ask()
    // A port is for four; the kernel may choose the same one again.
    for (let i = 0; i < 4 && last.asked.port === late.asked.port; i++) {
      last.giveUp()
      last = await ask()
    }
    t.after(() => {
      last.giveUp()
      pool.close()
    })
    assert.notEqual(last.asked.port, late.asked.port)
    last.asked.reply(withAnotherId(answerTo(last.asked.wire)))
    await eventually(() => o.counters.mismatches === 2, 'a wrong id at the new port')
    assert.deepEqual(host.got, [])
  })

  test('does not open sockets without end where nobody answers', async (t) => {
    const upstream = await startScripted(t, silent)
    const time = manual()
    const host = new Log()
    const o = options(time, upstream.port)
    const pool = udpPool(host, o)
    const xs = Array.from({ length: 12_000 }, (_, i) => exchange(`q${i}`))
    for (const x of xs) pool.ask(x)
    assert.ok(o.counters.open[Transport.Udp]! <= 64 + 64)
    assert.deepEqual(host.lostWith, [])
    for (let i = 0; i < 40_000; i++) xs.push(exchange('x'))
    for (const x of xs.slice(12_000)) pool.ask(x)
    assert.deepEqual(host.lostWith[0], [Result.Unreachable, null])
    assert.ok(o.counters.open[Transport.Udp]! <= 64 + 64)
    for (const x of xs) x.carrier?.cancel(x)
    pool.close()
    time.pass(20_000)
    assert.equal(o.counters.open[Transport.Udp], 0)
  })
})
