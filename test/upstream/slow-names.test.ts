import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { exchange, Log, manual, options, tcpPool } from './channel.ts'
import { answerTo, type Asked, startScripted } from './scripted.ts'

/** Each waits for its answer on a connection of its own. */
const NAMES = 700

test('behind an upstream that answers in order, slow names get a connection each', async (t) => {
  let held: Asked[] = []
  const upstream = await startScripted(t, (asked) => void held.push(asked))
  const time = manual()
  const host = new Log()
  const pool = tcpPool(host, options(time, upstream.port))
  t.after(() => {
    time.pass(60_000)
    pool.close()
  })
  let most = 0
  for (let n = 0; n < NAMES; n++) pool.ask(exchange(`slow${n}`))
  for (let look = 1; look < 2000 && host.got.length < NAMES; look++) {
    time.pass(10)
    // Connections are opened, and accepted, in real time.
    await delay(1)
    most = Math.max(most, upstream.open)
    if (look % 20 > 0) continue
    // All of them take 200 ms, and are answered in the order they were asked in.
    const answered = held
    held = []
    for (const asked of answered) asked.reply(answerTo(asked.wire))
  }
  assert.equal(new Set(host.got).size, NAMES)
  assert.deepEqual(host.lostWith, [])
  assert.ok(most > 256 && most <= 1024, `${most} connections`)
})
