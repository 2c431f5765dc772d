import assert from 'node:assert/strict'
import { test } from 'node:test'

import { exchange, Log, manual, options, tcpPool } from './channel.ts'
import { eventually, honest, startScripted } from './scripted.ts'

test('a second attempt goes alone: it is slow, and nobody is to wait behind it', async (t) => {
  const upstream = await startScripted(t, honest)
  const host = new Log()
  const pool = tcpPool(host, options(manual(), upstream.port))
  const rehearsed = 40
  for (let i = 0; i < rehearsed; i++) pool.ask(exchange(`w${i}`))
  await eventually(() => host.got.length === rehearsed, 'answers that make room')
  const blocked = new Set<number>()
  upstream.script = (asked, n) => {
    if (asked.wire.includes('slow')) blocked.add(asked.port)
    if (!blocked.has(asked.port)) honest(asked, n)
  }
  for (const name of ['b', 'slow', 'c', 'd', 'e', 'f', 'g']) {
    const x = exchange(name)
    x.again = name === 'slow'
    pool.ask(x)
  }
  // The time stands still: what is stuck behind the slow one would be for ever.
  await eventually(() => host.got.length === rehearsed + 6, 'all but the slow one')
  assert.equal(blocked.size, 1)
  for (const x of host.got) assert.notEqual(x, 'slow')
  pool.close()
  await upstream.close()
})

test('a slow name gets a third attempt only where second ones were faster', async (t) => {
  const upstream = await startScripted(t, () => {})
  const time = manual()
  const pool = tcpPool(new Log(), options(time, upstream.port))
  const x = exchange('slow')
  pool.ask(x)
  await upstream.waitFor(1)
  time.pass(500)
  assert.equal(pool.patience(x), 0, 'a second attempt')
  x.again = true
  assert.ok(pool.patience(x) > 0)
  pool.beaten(x)
  assert.equal(pool.patience(x), 0)
  time.pass(60_000)
})

test('a query that was dropped gets its second attempt after two seconds, whatever others have used up', async (t) => {
  const upstream = await startScripted(t, () => {})
  const time = manual()
  const pool = tcpPool(new Log(), options(time, upstream.port))
  const xs = Array.from({ length: 8 }, (_, i) => exchange(`dropped${i}`))
  for (const x of xs) pool.ask(x)
  await eventually(() => {
    time.pass(10)
    return upstream.asked.length === 8
  }, 'a connection for each')
  const late = (): number => xs.filter((x) => pool.patience(x) === 0).length
  time.clock.advance(500)
  assert.equal(late(), 3, 'the budget')
  time.clock.advance(1500)
  assert.equal(late(), 8)
  xs[7]!.again = true
  assert.ok(pool.patience(xs[7]!) > 0, 'a third one is not free')
  pool.close()
  time.pass(60_000)
})
