import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { LoopLag, loopLagMetric } from '../../src/daemon/loop-lag.ts'
import { Beat } from '../../src/lib/beat.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { RecordedLog } from '../telemetry/block.ts'

/** A loop whose turns the test decides. */
class Bench {
  readonly clock = new ManualClock()
  readonly log = new RecordedLog()
  readonly lag: LoopLag
  readonly #t: TestContext
  #cpu = 0

  constructor(t: TestContext) {
    this.#t = t
    t.mock.timers.enable({ apis: ['setInterval'] })
    this.lag = new LoopLag({
      clock: this.clock,
      log: this.log,
      cpu: () => this.#cpu,
      beat: new Beat(),
    })
    this.lag.start()
  }

  /** One turn, `lateMs` after its time, with `cpuMs` of CPU since the last one. */
  turn(lateMs: number, cpuMs: number, interval = 500): void {
    this.clock.advance(interval + lateMs)
    this.#cpu += cpuMs
    this.#t.mock.timers.tick(interval)
  }
}

test('a loop on time is healthy, and its lag counted', (t) => {
  const bench = new Bench(t)
  for (const late of [0, 0, 3, 90]) bench.turn(late, 1, 1_000)
  assert.equal(bench.lag.problem(), null)
  assert.deepEqual([...bench.lag.lags.counts], [2, 1, 0, 1, 0, 0, 0, 0, 0])
  assert.ok(Math.abs(bench.lag.lags.sum - 0.093) < 1e-9)
  assert.deepEqual(bench.log.texts, [])
})

test('five long computations in a row are unhealthy, one short turn heals', (t) => {
  const bench = new Bench(t)
  bench.turn(0, 900, 1_000)
  for (let i = 0; i < 4; i++) bench.turn(1_500, 1_900)
  assert.equal(bench.lag.problem(), null)
  bench.turn(1_500, 1_900)
  assert.equal(
    bench.lag.problem(),
    'the event loop has computed for more than 1s between two turns, 5 times in a row',
  )
  bench.turn(0, 400)
  assert.equal(bench.lag.problem(), null)
  assert.deepEqual(bench.log.texts, [
    'warning The event loop was 1500ms late, and had 1900ms of CPU in that time',
  ])
})

test('a process that gets no CPU is late, and healthy', (t) => {
  const bench = new Bench(t)
  for (let i = 0; i < 90; i++) bench.turn(4_000, 100, 1_000)
  assert.equal(bench.lag.problem(), null)
  const warning =
    'warning The event loop was 4000ms late, and had 100ms of CPU in that time: ' +
    'the process was stopped, or its CPU limit is too low'
  // Once a minute, in seven and a half of them.
  assert.deepEqual(
    bench.log.texts,
    Array.from({ length: 8 }, () => warning),
  )
})

test('a real loop that computes is found out by the CPU time of its thread', async (t) => {
  const log = new RecordedLog()
  const clock = new ManualClock()
  clock.refresh = () => (clock.now = performance.now())
  const lag = new LoopLag({ clock, log })
  lag.start()
  t.after(() => lag.stop())
  await new Promise<void>((resolve) => {
    setTimeout(() => {
      const until = performance.now() + 2_200
      while (performance.now() < until);
      setTimeout(resolve, 20)
    }, 1)
  })
  assert.match(
    log.texts[0] ?? '',
    /^warning The event loop was [1-9]\d{3}ms late, and had \d+ms of CPU/,
  )
})

test('the metric shows the histogram', (t) => {
  const { lag } = new Bench(t)
  const emitted: unknown[] = []
  loopLagMetric(lag).collect((labels, value) => emitted.push([labels, value]))
  assert.deepEqual(emitted, [[[], lag.lags]])
})

test('who computes much is looked at twice a second, until that is over', (t) => {
  const bench = new Bench(t)
  const looks = (): number => bench.lag.lags.counts.reduce((a, b) => a + b)
  bench.turn(0, 400, 1_000)
  bench.turn(0, 0, 500)
  assert.equal(looks(), 1, 'on the beat')
  bench.turn(0, 600, 500)
  assert.equal(looks(), 2)
  bench.turn(0, 200, 500)
  bench.turn(0, 200, 500)
  assert.equal(looks(), 4, 'twice a second, and not on the beat as well')
  bench.turn(0, 100, 500)
  assert.equal(looks(), 5)
  bench.turn(0, 100, 500)
  bench.turn(0, 100, 500)
  assert.equal(looks(), 6, 'on the beat again')
  bench.lag.stop()
  bench.turn(0, 900, 1_000)
  assert.equal(looks(), 6)
})
