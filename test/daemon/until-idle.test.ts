import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { untilIdle } from '../../src/daemon/open-listeners.ts'
import { checkListeners } from '../../src/daemon/status-probe.ts'
import { Clock } from '../../src/lib/clock.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { Listeners } from '../../src/net/listeners.ts'
import { dgramBackend } from '../../src/net/udp-dgram.ts'
import type { Query } from '../../src/serve/query.ts'
import { nullLog } from '../helpers/null-log.ts'
import { testServer } from '../net/test-server.ts'

/** A listener whose clients are calls of `ask`. */
function fakeListener(): { dispatch: (q: Query) => void; ask: () => void; seen: number } {
  const listener = {
    seen: 0,
    dispatch: (_q: Query): void => void listener.seen++,
    ask: (): void => listener.dispatch({ length: 20 } as Query),
  }
  return listener
}

test('it is idle once no query has come for the quiet time', async () => {
  const [one, other] = [fakeListener(), fakeListener()]
  const clock = new Clock()
  const began = performance.now()
  const waiting = untilIdle([one, other], clock, 150, 10_000)
  const asking = setInterval(() => {
    clock.refresh()
    one.ask()
    if (one.seen === 5) clearInterval(asking)
  }, 40)
  assert.equal(await waiting, true)
  assert.equal(one.seen, 5)
  assert.ok(performance.now() - began >= 5 * 40 + 100)
})

test('clients that go on asking have until the limit', async (t) => {
  const listener = fakeListener()
  const clock = new Clock()
  const asking = setInterval(() => {
    clock.refresh()
    listener.ask()
  }, 10)
  t.after(() => clearInterval(asking))
  const began = performance.now()
  assert.equal(await untilIdle([listener], clock, 5_000, 200), false)
  assert.ok(performance.now() - began >= 199)
  assert.ok(listener.seen > 0, 'they were served')
})

test("the daemon's own checks are no clients", async (t) => {
  const clock = new Clock()
  const listeners = new Listeners({
    udp: dgramBackend('a test'),
    clock,
    counters: new NetCounters(),
    log: nullLog,
  })
  const listener = await listeners.open('127.0.0.1', 0, testServer().dispatch)
  t.after(() => listener.drain(0))
  let over: boolean | null = null
  const waiting = untilIdle([listener], clock, 200, 5_000).then((idle) => (over = idle))
  while (over === null) {
    assert.equal(await checkListeners([listener]), null)
    await setImmediate()
  }
  assert.equal(await waiting, true)
})
