import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Beat } from '../../../src/lib/beat.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { selfChecks } from '../../../src/plugins/health/metrics.ts'
import { SelfCheck } from '../../../src/plugins/health/self-check.ts'
import { RecordedLog } from '../../telemetry/block.ts'

/** A SelfCheck whose checks the test answers, and whose time it moves. */
class Bench {
  readonly log = new RecordedLog()
  readonly clock = new ManualClock()
  readonly check: SelfCheck
  readonly #t: TestContext
  asked = 0
  answer: (problem: string | null) => void = () => {}

  constructor(t: TestContext) {
    this.#t = t
    t.mock.timers.enable({ apis: ['setInterval'] })
    this.check = new SelfCheck({
      ask: () => {
        this.asked++
        return new Promise((resolve) => (this.answer = resolve))
      },
      clock: this.clock,
      log: this.log,
      beat: new Beat(),
    })
    this.check.start()
  }

  /** Ends the check under way after `ms`, and lets its outcome be noted. */
  async end(problem: string | null, ms = 1): Promise<void> {
    this.clock.advance(ms)
    this.answer(problem)
    await setImmediate()
  }

  /** Lets time pass without an answer. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms)
    this.#t.mock.timers.tick(ms)
    await setImmediate()
  }
}

test('a check runs at once and then each second, one at a time', async (t) => {
  const bench = new Bench(t)
  bench.check.start()
  assert.equal(bench.asked, 1)
  await bench.end(null, 200)
  await bench.pass(999)
  assert.equal(bench.asked, 1)
  await bench.pass(1)
  assert.equal(bench.asked, 2)
  assert.equal(await bench.check.problem(), null)
})

test('problem() waits for the first check', async (t) => {
  const bench = new Bench(t)
  let settled: string | null | undefined
  void bench.check.problem().then((problem) => (settled = problem))
  await setImmediate()
  assert.equal(settled, undefined)
  await bench.end('dns://:53 does not answer over UDP')
  assert.equal(settled, 'dns://:53 does not answer over UDP')
})

test('after a pass two failures in a row are tolerated, a third is not; one pass heals', async (t) => {
  const bench = new Bench(t)
  const found: (string | null)[] = []
  for (const problem of [null, 'a', 'b', null, 'c', 'd', 'e', 'f', null, 'g', null]) {
    await bench.end(problem, 0)
    found.push(await bench.check.problem())
    await bench.pass(1_000)
  }
  assert.deepEqual(found, [null, null, null, null, null, null, 'e', 'f', null, null, null])
  assert.deepEqual(bench.log.texts, [
    'warning Self-check failed: a',
    'info Self-check passes again after 2 failures',
    'warning Self-check failed: c',
    'error Unhealthy: e',
    'info Self-check passes again after 4 failures',
    'warning Self-check failed: g',
    'info Self-check passes again after 1 failure',
  ])
})

test('a check without a result fails after 3 s; what comes later is not heard', async (t) => {
  const bench = new Bench(t)
  const late = bench.answer
  for (let i = 0; i < 3; i++) await bench.pass(1_000)
  assert.equal(await bench.check.problem(), 'no result after 3s')
  assert.equal(bench.asked, 2)
  late(null)
  await setImmediate()
  assert.equal(await bench.check.problem(), 'no result after 3s')
  await bench.end(null)
  assert.equal(await bench.check.problem(), null)
})

test('a check that throws has failed', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const check = new SelfCheck({
    ask: () => Promise.reject(new Error('no sockets left')),
    clock: new ManualClock(),
    log: new RecordedLog(),
  })
  check.start()
  assert.equal(await check.problem(), 'no sockets left')
  check.stop()
})

test('the first slow check of a row is warned of', async (t) => {
  const bench = new Bench(t)
  for (const ms of [1_234, 1_300, 20, 1_400]) {
    await bench.end(null, ms)
    await bench.pass(1_000)
  }
  assert.deepEqual(bench.log.texts, [
    'warning Self-check took more than 1s: 1234ms',
    'warning Self-check took more than 1s: 1400ms',
  ])
})

test('a process that did not run for minutes has lost one turn', async (t) => {
  const bench = new Bench(t)
  await bench.end(null)
  await bench.pass(1_000)
  bench.clock.advance(300_000)
  await bench.pass(1_000)
  assert.equal(await bench.check.problem(), null)
  await bench.end(null)
  assert.deepEqual(bench.log.texts, ['warning Self-check took more than 1s: 301001ms'])
})

test('durations and failures are counted', async (t) => {
  const before = { failures: selfChecks.failures, sum: selfChecks.durations.sum }
  const bench = new Bench(t)
  await bench.end('down', 20)
  await bench.pass(1_000)
  await bench.end(null, 30)
  assert.equal(selfChecks.failures, before.failures + 1)
  assert.ok(Math.abs(selfChecks.durations.sum - before.sum - 0.05) < 1e-9)
  assert.deepEqual([...selfChecks.durations.bounds], [0.00025, 0.0025, 0.025, 0.25, 2.5])
})

test('stop() ends checking for good, and nobody waits any longer', async (t) => {
  const bench = new Bench(t)
  const waiting = bench.check.problem()
  bench.check.stop()
  bench.check.start()
  assert.equal(await waiting, null)
  await bench.end('too late')
  await bench.pass(60_000)
  assert.equal(bench.asked, 1)
  assert.equal(await bench.check.problem(), null)
})
