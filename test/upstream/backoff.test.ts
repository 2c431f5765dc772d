import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Backoff } from '../../src/upstream/backoff.ts'

test('the pause doubles with each failure, has jitter and a bound', () => {
  const backoff = new Backoff()
  let now = 1000
  for (const pause of [40, 80, 160, 320, 640, 640, 640]) {
    backoff.failed(now)
    const got = backoff.until - now
    assert.ok(got >= 0.75 * pause && got <= 1.25 * pause, `${got} for ${pause}`)
    now = backoff.until
  }
})

test('failures during a pause count as the one that began it', () => {
  const backoff = new Backoff()
  backoff.failed(1000)
  const { until } = backoff
  for (let i = 0; i < 100; i++) backoff.failed(1001)
  assert.equal(backoff.until, until)
})

test('a success ends the pause and the memory of failures', () => {
  const backoff = new Backoff()
  for (let now = 1000; now < 10_000; now += 2000) backoff.failed(now)
  backoff.succeeded()
  assert.equal(backoff.until, 0)
  backoff.failed(20_000)
  assert.ok(backoff.until <= 20_050)
})
