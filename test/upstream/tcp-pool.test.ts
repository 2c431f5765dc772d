import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { TimerWheel } from '../../src/lib/timer-wheel.ts'
import { Result, Transport } from '../../src/upstream/counters.ts'
import type { TcpPool } from '../../src/upstream/tcp-pool.ts'
import { exchange, Log, manual, options, tcpPool } from './channel.ts'
import {
  answerTo,
  type Asked,
  eventually,
  honest,
  type Script,
  silent,
  startScripted,
} from './scripted.ts'

/** Of a process that was held up just now, where the test says so. */
class StarvedWheel extends TimerWheel {
  starved = false

  override attended(ms: number): number {
    return this.starved ? 0 : super.attended(ms)
  }
}

describe('TcpPool', () => {
  test('opens two connections at once', async (t) => {
    const upstream = await startScripted(t, honest)
    const host = new Log()
    const o = options(manual(), upstream.port)
    const pool = tcpPool(host, o)
    for (const name of ['a', 'b', 'c']) pool.ask(exchange(name))
    await eventually(() => host.got.length === 3, 'three answers')
    await eventually(() => upstream.accepted === 2, 'two connections')
    assert.deepEqual(host.got.toSorted(), ['a', 'b', 'c'])
    assert.equal(o.counters.dialled[Transport.Tcp], 2)
    pool.close()
    await eventually(() => upstream.open === 0, 'closed')
    assert.equal(o.counters.open[Transport.Tcp], 0)
  })

  test('puts nobody behind a query that may be slow, and opens connections instead', async (t) => {
    const upstream = await startScripted(t, silent)
    const time = manual()
    const o = options(time, upstream.port)
    const pool = tcpPool(new Log(), o)
    for (let i = 0; i < 40; i++) pool.ask(exchange(`q${i}`))
    await upstream.waitFor(2)
    assert.equal(o.counters.dialled[Transport.Tcp], 2)
    time.pass(10)
    // Each has one query; one of them is asked whether it answers in order, too.
    await upstream.waitFor(9)
    assert.equal(o.counters.dialled[Transport.Tcp], 8)
    time.pass(10)
    await upstream.waitFor(41)
    const perPort = Map.groupBy(upstream.asked.filter(isNotProbe), ({ port }) => port)
    assert.deepEqual(
      [...perPort.values()].map((asked) => asked.length),
      new Array(40).fill(1),
    )
    time.pass(60_000)
  })

  test('does not take its own want of CPU time for an upstream that is slow', async (t) => {
    const upstream = await startScripted(t, silent)
    const time = manual()
    const wheel = new StarvedWheel(time.clock, false)
    const host = new Log()
    const o = options({ ...time, context: { ...time.context, wheel } }, upstream.port)
    const pool = tcpPool(host, o)
    const answered = async (name: string, ms: number): Promise<number> => {
      const { length } = host.got
      upstream.script = (asked) => {
        time.clock.advance(ms)
        honest(asked, 0)
      }
      pool.ask(exchange(name))
      await eventually(() => host.got.length > length, 'an answer')
      return pool.pipelining.deepest
    }
    assert.equal(await answered('fast', 0), 256)
    wheel.starved = true
    assert.equal(await answered('late', 100), 256)
    wheel.starved = false
    assert.ok((await answered('slow', 1_000)) < 256)
  })

  test('opens no more than eight where answers come', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const host = new Log()
    const o = options(time, upstream.port)
    const pool = tcpPool(host, o)
    for (let round = 0; round < 30; round++) {
      for (let i = 0; i < 100; i++) pool.ask(exchange(`q${i}`))
      const wanted = (round + 1) * 100
      await eventually(() => host.got.length === wanted, 'a round')
      time.pass(10)
    }
    assert.ok(upstream.accepted <= 8, `${upstream.accepted} connections`)
    pool.close()
  })

  test('takes those behind a late query back', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    await widen(pool, host)
    // As CoreDNS does: behind a slow name nothing is answered on its connection.
    const blocked = new Set<number>()
    upstream.script = (asked) => {
      if (asked.wire.includes('slow')) blocked.add(asked.port)
      if (!blocked.has(asked.port)) honest(asked, 0)
    }
    for (const name of ['slow', 'b', 'c', 'd', 'e', 'f']) pool.ask(exchange(name))
    await upstream.waitFor(WIDE + 6)
    assert.ok(host.got.length < WIDE + 5)
    for (let look = 0; look < 5; look++) {
      time.pass(10)
      await turns()
    }
    await eventually(() => host.got.length === WIDE + 5, 'all but the slow one')
    assert.deepEqual(host.got.slice(WIDE).toSorted(), ['b', 'c', 'd', 'e', 'f'])
    assert.deepEqual(host.lostWith, [])
    time.pass(60_000)
  })

  test('where answers overtake each other, slow names need no connections', async (t) => {
    const held: Asked[] = []
    const upstream = await startScripted(t, (asked, n) => {
      if (asked.wire.includes('slow')) held.push(asked)
      else honest(asked, n)
    })
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    for (let i = 0; i < 100; i++) pool.ask(exchange(`slow${i}`))
    await upstream.waitFor(2)
    time.pass(10)
    // The answer to the probe overtakes a slow one.
    await eventually(() => held.length === 100, 'all of them are sent')
    assert.ok(upstream.accepted <= 8, `${upstream.accepted} connections`)
    for (const { reply, wire } of held.toReversed()) reply(answerTo(wire))
    await eventually(() => host.got.length === 100, 'all answers')
    pool.close()
  })

  test('slow names stay where they are while others could still overtake them', async (t) => {
    const held: Asked[] = []
    const upstream = await startScripted(t, (asked, n) => {
      if (isNotProbe(asked)) held.push(asked)
      else honest(asked, n)
    })
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    for (let i = 0; i < 20; i++) pool.ask(exchange(`slow${i}`))
    await upstream.waitFor(2)
    for (let ms = 0; ms < 2500; ms += 10) {
      time.pass(10)
      await turns()
    }
    assert.ok(!pool.pipelining.keepsOrder)
    assert.equal(held.length, 20, 'each was asked once')
    // What was taken back for another connection would not be taken for an answer here.
    for (const { reply, wire } of held) reply(answerTo(wire))
    await eventually(() => host.got.length === 20, 'all answers')
    const probes = upstream.asked.length - held.length
    assert.ok(probes <= 8 + 2500 / 500, `${probes} probes`)
    pool.close()
  })

  test('an order probe that comes after what was sent before it proves nothing', async (t) => {
    const upstream = await startScripted(t, inOrder(20))
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    for (let i = 0; i < 30; i++) pool.ask(exchange(`q${i}`))
    await upstream.waitFor(2)
    time.pass(10)
    await eventually(() => upstream.asked.some((asked) => !isNotProbe(asked)), 'the probe')
    await eventually(() => host.got.length >= 3, 'some answers')
    assert.ok(pool.pipelining.keepsOrder)
    time.pass(10)
    await eventually(() => host.got.length === 30, 'all answers')
    pool.close()
  })

  test('closes idle connections after `expire`, and those beyond max_idle_conns', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port, { expire: 5000, maxIdle: 1 }))
    pool.ask(exchange('a'))
    await eventually(() => host.got.length === 1 && upstream.accepted === 2, 'warm')
    time.pass(1000)
    await eventually(() => upstream.open === 1, 'one left')
    time.pass(3999)
    pool.ask(exchange('b'))
    await eventually(() => host.got.length === 2, 'an answer')
    time.pass(5001)
    await eventually(() => upstream.open === 0, 'none left')
    pool.ask(exchange('c'))
    await eventually(() => host.got.length === 3, 'an answer on a new connection')
    pool.close()
  })

  test('a connection takes no queries after `max_age`, but may answer those it has', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port, { expire: 5000, maxAge: 5000 }))
    pool.ask(exchange('a'))
    await eventually(() => host.got.length === 1 && upstream.accepted === 2, 'warm')
    for (let i = 0; i < 3; i++) {
      time.pass(1600)
      pool.ask(exchange(`used-${i}`))
      await eventually(() => host.got.length === 2 + i, 'an answer')
    }
    assert.equal(upstream.accepted, 2)
    upstream.script = silent
    pool.ask(exchange('slow'))
    await upstream.waitFor(5)
    const slow = upstream.asked.at(-1)!
    time.clock.advance(300)
    upstream.script = honest
    pool.ask(exchange('b'))
    await eventually(() => upstream.accepted > 2, 'a new connection')
    await eventually(() => {
      time.pass(10)
      return host.got.length === 5
    }, 'its answer')
    slow.reply(answerTo(slow.wire))
    await eventually(() => host.got.length === 6, 'the slow answer')
    assert.deepEqual(host.got.slice(4), ['b', 'slow'])
    await eventually(() => upstream.asked.at(-1)!.port !== slow.port, 'elsewhere')
    pool.close()
  })

  test('gives up a connection that has gone silent on abandoned queries', async (t) => {
    const upstream = await startScripted(t, silent)
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    const x = exchange('hung')
    pool.ask(x)
    await upstream.waitFor(1)
    await eventually(() => upstream.open === 2, 'warm')
    x.carrier!.cancel(x)
    time.pass(1900)
    assert.equal(upstream.open, 2)
    time.pass(200)
    await eventually(() => upstream.open === 1, 'the hung one is closed')
    assert.deepEqual(host.lostWith, [])
    pool.close()
  })

  test('a late reply to an abandoned query is not garbage', async (t) => {
    let held: Asked | null = null
    const upstream = await startScripted(t, (asked, n) => {
      if (n === 1) held = asked
      else honest(asked, n)
    })
    const time = manual()
    const host = new Log()
    const o = options(time, upstream.port, { maxIdle: 1 })
    const pool = tcpPool(host, o)
    const x = exchange('late')
    pool.ask(x)
    await upstream.waitFor(1)
    x.carrier!.cancel(x)
    held!.reply(answerTo(held!.wire))
    pool.ask(exchange('next'))
    await eventually(() => host.got.length === 1, 'the next answer')
    held!.reply(answerTo(held!.wire))
    await eventually(() => o.counters.mismatches === 1, 'the second copy is')
    assert.deepEqual(host.got, ['next'])
    pool.close()
  })

  test('an exchange abandoned while it waits for a connection is never sent', async (t) => {
    const upstream = await startScripted(t, honest)
    const host = new Log()
    const pool = tcpPool(host, options(manual(), upstream.port))
    const dropped = exchange('dropped')
    pool.ask(dropped)
    pool.ask(exchange('kept'))
    dropped.carrier!.cancel(dropped)
    await eventually(() => host.got.length === 1, 'an answer')
    assert.equal(upstream.asked.length, 1)
    pool.close()
  })

  test('after a refused dial it waits, and dials again for those who wait', async (t) => {
    const upstream = await startScripted(t, honest)
    await upstream.close()
    const time = manual()
    const host = new Log()
    const o = options(time, upstream.port)
    const pool = tcpPool(host, o)
    pool.ask(exchange('a'))
    await eventually(() => host.lostWith.length === 1, 'the failure')
    assert.deepEqual(host.lostWith, [[Result.Refused, 'ECONNREFUSED']])
    assert.equal(o.counters.dialled[Transport.Tcp], 2)
    assert.ok(!pool.isReady(time.clock.now))
    const again = await startScripted(t, honest, upstream.port)
    pool.ask(exchange('b'))
    assert.equal(o.counters.dialled[Transport.Tcp], 2, 'no dial during the pause')
    time.pass(60)
    await eventually(() => host.got.length === 1, 'an answer')
    assert.equal(again.asked.length, 1)
    assert.ok(pool.isReady(time.clock.now))
    pool.close()
  })

  test('where all is gone that was there, several are dialled: one of its pods may be away', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const host = new Log()
    const o = options(time, upstream.port)
    const pool = tcpPool(host, o)
    pool.ask(exchange('a'))
    await eventually(() => host.got.length === 1, 'an answer')
    await upstream.close()
    await eventually(() => {
      pool.ask(exchange('b'))
      return host.lostWith.some(([result]) => result === Result.Refused)
    }, 'a dial is refused')
    const before = o.counters.dialled[Transport.Tcp]!
    time.pass(60)
    assert.equal(o.counters.dialled[Transport.Tcp], before + 4)
    pool.close()
  })

  test('a dial without an answer fails after two seconds', async () => {
    const time = manual()
    const host = new Log()
    // TEST-NET-1: whatever happens to the SYN, nobody answers it.
    const endpoint = { host: '192.0.2.1', port: 53 }
    const pool = tcpPool(host, options(time, 53, { endpoint }))
    pool.ask(exchange('a'))
    time.pass(1990)
    const early = host.lostWith.length
    time.pass(20)
    assert.equal(host.lostWith.length, 1)
    if (early === 0) assert.deepEqual(host.lostWith, [[Result.Timeout, 'ETIMEDOUT']])
    pool.close()
  })

  test('asks from the source address it is given, and says when there is none', async (t) => {
    const upstream = await startScripted(t, honest)
    const host = new Log()
    const pool = tcpPool(host, options(manual(), upstream.port, { source: '127.0.0.9' }))
    pool.ask(exchange('a'))
    await eventually(() => host.got.length === 1, 'an answer')
    assert.equal(upstream.asked[0]!.socket!.remoteAddress, '127.0.0.9')
    pool.close()
    const other = tcpPool(host, options(manual(), upstream.port, { source: '203.0.113.9' }))
    other.ask(exchange('b'))
    await eventually(() => host.lostWith.length === 1, 'the failure')
    assert.deepEqual(host.lostWith, [[Result.Unreachable, 'EADDRNOTAVAIL']])
  })

  test('refuses queries where too many wait already', async (t) => {
    const upstream = await startScripted(t, silent)
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    const xs = Array.from({ length: 16_400 }, (_, i) => exchange(`q${i}`))
    for (const x of xs) pool.ask(x)
    assert.deepEqual(host.lostWith.length, 16_400 - 16_384)
    assert.deepEqual(host.lostWith[0], [Result.Unreachable, null])
    for (let look = 0; look < 16; look++) {
      time.pass(10)
      await turns()
    }
    await upstream.waitFor(240)
    await eventually(() => upstream.accepted === 256, '256 connections, of which 16 are for others')
    for (const x of xs) x.carrier?.cancel(x)
    time.pass(60_000)
    pool.close()
  })

  for (const quota of [1, 2, 5, 128]) {
    test(`a server that closes after ${quota} answers costs nobody an answer`, async (t) => {
      const answered = new Map<number, number>()
      const upstream = await startScripted(t, (asked, n) => {
        const count = (answered.get(asked.port) ?? 0) + 1
        answered.set(asked.port, count)
        if (count > quota) return
        honest(asked, n)
        if (count === quota) asked.socket!.end()
      })
      const time = manual()
      const host = new Log()
      const pool = tcpPool(host, options(time, upstream.port))
      for (let i = 0; i < 300; i++) pool.ask(exchange(`q${i}`))
      await eventually(() => {
        if (!pool.isReady(time.clock.now)) time.pass(1)
        return host.got.length === 300
      }, 'all answers')
      assert.deepEqual(host.lostWith, [])
      // What a connection takes is learnt: hardly anything is sent in vain.
      assert.ok(upstream.asked.length < 310 + 3 * quota, `${upstream.asked.length} queries`)
      pool.close()
    })
  }

  test('a server that closes without an answer ends everybody who waits', async (t) => {
    const upstream = await startScripted(t, ({ socket }) => socket!.destroy())
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    for (let i = 0; i < 50; i++) pool.ask(exchange(`q${i}`))
    await eventually(() => host.lostWith.length === 50, 'all are lost')
    assert.ok(upstream.accepted <= 8, `${upstream.accepted} connections`)
    pool.close()
  })

  test('a query that ends connections ends alone', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    await widen(pool, host)
    upstream.script = (asked, n) => {
      if (asked.wire.includes('deadly')) asked.socket!.destroy()
      else honest(asked, n)
    }
    for (const name of ['a', 'deadly', 'b', 'c', 'd']) pool.ask(exchange(name))
    await eventually(() => {
      time.pass(1)
      return host.lostWith.length === 1 && host.got.length === WIDE + 4
    }, 'one lost, four answered')
    const deadly = upstream.asked.filter(({ wire }) => wire.includes('deadly'))
    assert.ok(deadly.length <= 4, `sent ${deadly.length} times`)
    pool.close()
  })

  test('queries that end connections before they have answered end alone', async (t) => {
    const upstream = await startScripted(t, (asked, n) => {
      if (asked.wire.includes('deadly')) asked.socket!.destroy()
      else honest(asked, n)
    })
    for (const deadly of [1, 2, 3]) {
      const time = manual()
      const host = new Log()
      const pool = tcpPool(host, options(time, upstream.port))
      for (let i = 0; i < deadly; i++) pool.ask(exchange(`deadly${i}`))
      for (let i = 0; i < 20; i++) pool.ask(exchange(`q${i}`))
      await eventually(() => {
        time.pass(1)
        return host.lostWith.length === deadly && host.got.length === 20
      }, `${deadly} lost, the others answered`)
      pool.close()
    }
  })

  test('a server that takes no more connections keeps those it has', async (t) => {
    const upstream = await startScripted(t, inOrder(20), 0, 10)
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    for (let i = 0; i < 100; i++) pool.ask(exchange(`q${i}`))
    await eventually(() => {
      time.pass(1)
      return host.got.length === 100
    }, 'all answers')
    assert.deepEqual(host.lostWith, [])
    assert.ok(upstream.accepted < 266, `${upstream.accepted} connections`)
    pool.close()
  })
})

/** Queries after which an upstream that answers at once gets several at a time. */
const WIDE = 40

async function widen(pool: TcpPool, host: Log): Promise<void> {
  for (let i = 0; i < WIDE; i++) pool.ask(exchange(`w${i}`))
  await eventually(() => host.got.length === WIDE, 'answers that make room')
}

/** Lets what lies ready in sockets be read. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
}

/** The probe asks for the root. */
function isNotProbe({ wire }: Asked): boolean {
  return wire[12] !== 0
}

/** Answers one query after the other on each connection, each after `ms`. */
function inOrder(ms: number): Script {
  const last = new Map<number, Promise<void>>()
  return ({ port, wire, reply }) => {
    const done = (last.get(port) ?? Promise.resolve()).then(async () => {
      await delay(ms)
      reply(answerTo(wire))
    })
    last.set(port, done)
  }
}
