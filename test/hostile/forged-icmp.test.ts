import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Rcode } from '../../src/wire/codes.ts'
import { Front } from '../plugins/forward/harness.ts'
import { exchange, Log, manual, options, udpPool } from '../upstream/channel.ts'
import {
  eventually,
  honest,
  type Script,
  type Scripted,
  startScripted,
} from '../upstream/scripted.ts'
import { cannotForge, makeForger } from './forger.ts'
import { full } from './under-attack.ts'

const QUERIES = full ? 1_000 : 100

/** A script by which every third query for a victim meets a forged packet instead of its answer. */
function forging(upstream: Scripted, forge: (from: number, to: number) => void): Script {
  return (asked, n) => {
    if (asked.wire.includes('victim') && n % 3 === 0) forge(asked.port, upstream.port)
    else honest(asked, n)
  }
}

describe('forged "port unreachable"', { skip: cannotForge }, () => {
  test('ends one attempt, not the pool', async (t) => {
    const upstream = await startScripted(t, honest)
    upstream.script = forging(upstream, makeForger(t))
    const front = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
    await front.ask('first.test')
    const times: number[] = []
    for (let n = 0; n < QUERIES; n++) {
      const both = [front.ask(`victim${n}.test`), front.ask(`other${n}.test`)]
      for (const { rcode, took } of await Promise.all(both)) {
        assert.equal(rcode, Rcode.NoError)
        times.push(took)
      }
    }
    times.sort((a, b) => a - b)
    const p90 = times[Math.floor(0.9 * times.length)]!
    const forged = upstream.asked.length - 2 * QUERIES - 1
    t.diagnostic(`${forged} forged, p50 ${times[QUERIES]!.toFixed(2)} ms, p90 ${p90.toFixed(2)} ms`)
    assert.ok(forged > QUERIES / 4, `${forged} forged`)
    // Elsewhere the machine may be busy; the next test has a clock of its own.
    if (full) assert.ok(p90 < 30, `${p90} ms: the pause of a pool is 30 to 50 ms`)
  })

  test('begins no pause while others are answered', async (t) => {
    const upstream = await startScripted(t, honest)
    upstream.script = forging(upstream, makeForger(t))
    const time = manual()
    const host = new Log()
    const pool = udpPool(host, options(time, upstream.port))
    for (let n = 1; n <= 30; n++) {
      pool.ask(exchange(`victim${n}`))
      await eventually(() => host.got.length === n, `an answer, though no time passes: ${n}`)
      assert.ok(pool.isReady(time.clock.now))
    }
    assert.deepEqual(host.lostWith, [])
    assert.equal(upstream.asked.length, 30 + 14, 'every third was asked again')
    pool.close()
  })

  test('that hits everything is believed, and a closed port rests', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const host = new Log()
    const pool = udpPool(host, options(time, upstream.port))
    pool.ask(exchange('a'))
    await eventually(() => host.got.length === 1, 'an answer')
    await upstream.close()
    pool.ask(exchange('b'))
    await eventually(() => host.lostWith.length === 1, 'the failure')
    assert.ok(!pool.isReady(time.clock.now))
    pool.close()
  })
})
