import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { found, noName, timedOut } from '../../src/load/client.ts'
import { Recorder } from '../../src/load/recorder.ts'

/** A sequence that looks random and is always the same: 0 up to 1. */
function* numbers(): Generator<number, never> {
  let state = 1
  for (;;) {
    state = (state * 48_271) % 0x7fff_ffff
    yield state / 0x7fff_ffff
  }
}

describe('the recorder', () => {
  test('its percentiles are those of the sorted list, within a thousandth', () => {
    const recorder = new Recorder(5_000, 10)
    const random = numbers()
    const all: number[] = []
    for (let i = 0; i < 20_000; i++) {
      const ms = 0.05 * 10 ** (5 * random.next().value)
      all.push(ms)
      recorder.record(ms, i / 2_000, found)
    }
    all.sort((a, b) => a - b)
    const latency = recorder.latency()
    assert.ok(latency !== null)
    const exact = (percent: number): number => all[Math.ceil((all.length * percent) / 100) - 1]!
    const near = (value: number, wanted: number): void => {
      assert.ok(Math.abs(value / wanted - 1) < 0.002, `${value}, not ${wanted}`)
    }
    near(latency.p50, exact(50))
    near(latency.p90, exact(90))
    near(latency.p99, exact(99))
    near(latency.p999, exact(99.9))
    assert.equal(latency.min, all[0])
    assert.equal(latency.max, all.at(-1))
    near(latency.avg, all.reduce((sum, ms) => sum + ms, 0) / all.length)
    assert.equal(recorder.overLimit, all.filter((ms) => ms >= 5_000).length)
  })

  test('each request is in one bin, of those that reach up to it', () => {
    const recorder = new Recorder(100, 10)
    for (const ms of [0, 0.004, 0.01, 0.0101, 1, 1.01, 99, 5_001, 1e9])
      recorder.record(ms, 0, found)
    const bins = recorder.histogram()
    assert.equal(
      bins.reduce((sum, { count }) => sum + count, 0),
      9,
    )
    const count = (upper: number): number =>
      bins.find(({ upperMs }) => upperMs === upper)?.count ?? -1
    assert.equal(count(0.01), 3)
    assert.equal(count(0.0126), 1)
    assert.equal(count(1), 1)
    assert.equal(count(1.26), 1)
    assert.equal(count(100), 1)
    assert.equal(count(5_010), 1)
    assert.ok(bins.every(({ upperMs }, i) => i === 0 || upperMs > bins[i - 1]!.upperMs))
    assert.ok(bins[0]!.count > 0 && bins.at(-1)!.count > 0)
  })

  test('errors, answers, and what took too long', () => {
    const recorder = new Recorder(100, 10)
    recorder.record(1, 0, found)
    recorder.record(2, 0, noName)
    recorder.record(100, 1, timedOut)
    recorder.record(99.9, 1, { error: 'rcode', answer: 'SERVFAIL' })
    recorder.finish()
    assert.deepEqual(recorder.errors, { timeout: 1, rcode: 1 })
    assert.equal(recorder.errorCount, 2)
    assert.equal(recorder.overLimit, 1)
    assert.deepEqual(recorder.rcodes, { NOERROR: 1, NXDOMAIN: 1, SERVFAIL: 1 })
    const [first, second] = recorder.timeline
    assert.deepEqual(
      [first, second].map((moment) => [
        moment?.second,
        moment?.requests,
        moment?.errors,
        moment?.overLimit,
      ]),
      [
        [0, 2, 0, 0],
        [1, 2, 2, 1],
      ],
    )
    assert.equal(second?.max, 100)
  })

  test('nothing measured is nothing', () => {
    const recorder = new Recorder(100, 10)
    recorder.finish()
    assert.equal(recorder.latency(), null)
    assert.deepEqual(recorder.histogram(), [])
    assert.deepEqual(recorder.timeline, [])
  })

  test('a week has as many points as ten minutes, and what comes after its time is in the last', () => {
    const week = 7 * 86_400
    const recorder = new Recorder(100, week)
    assert.equal(recorder.stepSeconds, Math.ceil(week / 600))
    for (let at = 0; at < week + 5_000; at += 100) recorder.record(1, at, found)
    recorder.finish()
    assert.ok(recorder.timeline.length <= 600)
    assert.equal(
      recorder.timeline.reduce((sum, { requests }) => sum + requests, 0),
      recorder.requests,
    )
  })
})
