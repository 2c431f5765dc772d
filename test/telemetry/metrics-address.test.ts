import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Beat } from '../../src/lib/beat.ts'
import type { Http } from '../../src/lib/http.ts'
import { HttpListenError } from '../../src/telemetry/http.ts'
import { MetricsAddress } from '../../src/telemetry/metrics-address.ts'
import { LinesLog } from '../helpers/lines-log.ts'

/** An address that somebody else has until the test says so. */
class Setting implements Http {
  problem: HttpListenError | null = new HttpListenError('EADDRINUSE', 'in use')
  attempts = 0
  held = 0
  readonly log: LinesLog = new LinesLog()
  readonly metrics: MetricsAddress = new MetricsAddress(this, ':9353', this.log)

  async acquire(address: string, routes: object): Promise<Awaited<ReturnType<Http['acquire']>>> {
    assert.deepEqual([address, Object.keys(routes)], [':9353', ['/metrics']])
    this.attempts++
    if (this.problem !== null) throw this.problem
    this.held++
    return { address, port: 9353, release: async () => void this.held-- }
  }
}

describe('MetricsAddress', () => {
  test('one that is in use is said once, and tried each ten seconds until it is had', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const s = new Setting()
    const failed = '[ERROR] Failed to start metrics handler: in use'
    await s.metrics.open(new Beat())
    for (const attempts of [2, 3]) {
      t.mock.timers.tick(10_000)
      await nextTurn()
      assert.equal(s.attempts, attempts)
    }
    assert.deepEqual(s.log.lines, [failed])
    s.problem = null
    t.mock.timers.tick(10_000)
    await nextTurn()
    assert.equal(s.held, 1)
    t.mock.timers.tick(60_000)
    await nextTurn()
    assert.equal(s.attempts, 4)
    assert.deepEqual(s.log.lines, [failed, '[INFO] Metrics are served on :9353 now'])
    await s.metrics.release()
    assert.equal(s.held, 0)
  })

  test('one that is given back is tried no more, nor kept by an attempt under way', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const s = new Setting()
    await s.metrics.open(new Beat())
    s.problem = null
    t.mock.timers.tick(10_000)
    await s.metrics.release()
    await nextTurn()
    t.mock.timers.tick(60_000)
    assert.deepEqual([s.attempts, s.held], [2, 0])
  })

  test('one that is none is tried once', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const s = new Setting()
    s.problem = new HttpListenError('E_ADDRESS', 'no address')
    await s.metrics.open(new Beat())
    t.mock.timers.tick(60_000)
    assert.equal(s.attempts, 1)
  })
})
