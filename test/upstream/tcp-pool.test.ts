import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Result, Transport } from '../../src/upstream/counters.ts'
import { TcpPool } from '../../src/upstream/tcp-pool.ts'
import { exchange, Log, manual, options } from './channel.ts'
import { answerTo, type Asked, eventually, honest, silent, startScripted } from './scripted.ts'

describe('TcpPool', () => {
  test('opens two connections at once and writes the queries of a tick together', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const host = new Log()
    const o = options(time, upstream.port)
    const pool = new TcpPool(host, o)
    for (const name of ['a', 'b', 'c']) pool.ask(exchange(name))
    await eventually(() => host.got.length === 3, 'three answers')
    await eventually(() => upstream.accepted === 2, 'two connections')
    assert.deepEqual(host.got, ['a', 'b', 'c'])
    assert.equal(new Set(upstream.asked.map(({ port }) => port)).size, 1)
    assert.equal(o.counters.dialled[Transport.Tcp], 2)
    pool.close()
    await eventually(() => upstream.open === 0, 'closed')
    assert.equal(o.counters.open[Transport.Tcp], 0)
  })

  test('picks the connection that owes the least', async (t) => {
    const upstream = await startScripted(t, silent)
    const time = manual()
    const pool = new TcpPool(new Log(), options(time, upstream.port))
    t.after(() => time.pass(60_000))
    pool.ask(exchange('first'))
    await eventually(() => upstream.accepted === 2 && upstream.asked.length === 1, 'warm')
    for (const name of ['second', 'third', 'fourth']) pool.ask(exchange(name))
    await upstream.waitFor(4)
    const perPort = Map.groupBy(upstream.asked, ({ port }) => port)
    assert.deepEqual(
      [...perPort.values()].map((asked) => asked.length),
      [2, 2],
    )
  })

  test('opens another connection when all are blocked, up to eight', async (t) => {
    const upstream = await startScripted(t, silent)
    const time = manual()
    const pool = new TcpPool(new Log(), options(time, upstream.port))
    pool.ask(exchange('q0'))
    await eventually(() => upstream.accepted === 2 && upstream.asked.length === 1, 'warm')
    pool.ask(exchange('q1'))
    for (let i = 2; i < 12; i++) {
      await upstream.waitFor(i)
      time.clock.advance(60)
      pool.ask(exchange(`q${i}`))
    }
    await upstream.waitFor(12)
    assert.equal(upstream.accepted, 8)
    assert.equal(new Set(upstream.asked.map(({ port }) => port)).size, 8)
    time.pass(60_000)
  })

  test('closes idle connections after `expire`, and those beyond max_idle_conns', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const host = new Log()
    const pool = new TcpPool(host, options(time, upstream.port, { expire: 5000, maxIdle: 1 }))
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

  test('gives up a connection that has gone silent on abandoned queries', async (t) => {
    const upstream = await startScripted(t, silent)
    const time = manual()
    const host = new Log()
    const pool = new TcpPool(host, options(time, upstream.port))
    const x = exchange('hung')
    pool.ask(x)
    await upstream.waitFor(1)
    await eventually(() => upstream.open === 2, 'warm')
    x.carrier!.abandon(x)
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
    const pool = new TcpPool(host, o)
    const x = exchange('late')
    pool.ask(x)
    await upstream.waitFor(1)
    x.carrier!.abandon(x)
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
    const pool = new TcpPool(host, options(manual(), upstream.port))
    const dropped = exchange('dropped')
    pool.ask(dropped)
    pool.ask(exchange('kept'))
    dropped.carrier!.abandon(dropped)
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
    const pool = new TcpPool(host, o)
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

  test('a dial without an answer fails after two seconds', async () => {
    const time = manual()
    const host = new Log()
    // TEST-NET-1: whatever happens to the SYN, nobody answers it.
    const endpoint = { host: '192.0.2.1', port: 53 }
    const pool = new TcpPool(host, options(time, 53, { endpoint }))
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
    const pool = new TcpPool(host, options(manual(), upstream.port, { source: '127.0.0.9' }))
    pool.ask(exchange('a'))
    await eventually(() => host.got.length === 1, 'an answer')
    assert.equal(upstream.asked[0]!.socket!.remoteAddress, '127.0.0.9')
    pool.close()
    const other = new TcpPool(host, options(manual(), upstream.port, { source: '203.0.113.9' }))
    other.ask(exchange('b'))
    await eventually(() => host.lostWith.length === 1, 'the failure')
    assert.deepEqual(host.lostWith, [[Result.Unreachable, 'EADDRNOTAVAIL']])
  })

  test('refuses queries beyond what eight connections can carry', async (t) => {
    const upstream = await startScripted(t, silent)
    const time = manual()
    const host = new Log()
    const pool = new TcpPool(host, options(time, upstream.port))
    const xs = Array.from({ length: 16_400 }, (_, i) => exchange(`q${i}`))
    for (const x of xs) pool.ask(x)
    assert.deepEqual(host.lostWith.length, 16_400 - 16_384)
    assert.deepEqual(host.lostWith[0], [Result.Unreachable, null])
    await upstream.waitFor(16_384)
    assert.equal(upstream.accepted, 8)
    pool.ask(exchange('one-more'))
    assert.equal(host.lostWith.length, 17)
    for (const x of xs) x.carrier?.abandon(x)
    pool.close()
  })
})
