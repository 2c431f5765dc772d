import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Backoff } from '../../src/upstream/backoff.ts'

/** Fails at `now` and whenever the pause is over; asserts how long each is. */
function pausesFrom(
  now: number,
  backoff: Backoff,
  pauses: readonly number[],
  code: string | null = 'ECONNREFUSED',
): void {
  let at = now
  for (const pause of pauses) {
    backoff.failed(at, code)
    const got = backoff.until - at
    assert.ok(got >= 0.75 * pause && got <= 1.25 * pause, `${got} for ${pause}`)
    at = backoff.until
  }
}

const GROWING = [40, 80, 160, 320, 640, 640] as const

test('after a success the pause doubles with each failure, has jitter and a bound', () => {
  const backoff = new Backoff()
  backoff.succeeded()
  pausesFrom(1000, backoff, GROWING)
})

test('what is not back after ten seconds, or was never there, is tried after brief pauses', () => {
  const backoff = new Backoff()
  pausesFrom(0, backoff, [20, 20, 20, 20])
  backoff.succeeded()
  pausesFrom(1000, backoff, GROWING)
  pausesFrom(11_001, backoff, [20, 20, 20])
  backoff.succeeded()
  pausesFrom(19_000, backoff, GROWING)
})

test('what was there a moment ago is away for ten seconds', () => {
  const backoff = new Backoff()
  backoff.failed(0, 'ECONNREFUSED')
  assert.equal(backoff.isAway(0), false, 'it never was there')
  backoff.succeeded()
  assert.equal(backoff.isAway(1000), false, 'it is there')
  backoff.failed(1000, 'ECONNREFUSED')
  assert.deepEqual(
    [backoff.isAway(1000), backoff.isAway(10_999), backoff.isAway(11_000)],
    [true, true, false],
  )
  backoff.succeeded()
  assert.equal(backoff.isAway(2000), false, 'it is back')
})

test('where nobody can be trusted the brief ones are longer', () => {
  const backoff = new Backoff()
  pausesFrom(0, backoff, [100, 100, 100], 'CERT_HAS_EXPIRED')
  backoff.succeeded()
  pausesFrom(1000, backoff, GROWING, 'CERT_HAS_EXPIRED')
  pausesFrom(11_001, backoff, [100, 100], 'CERT_HAS_EXPIRED')
})

test('failures during a pause count as the one that began it', () => {
  const backoff = new Backoff()
  backoff.failed(1000, null)
  const { until } = backoff
  for (let i = 0; i < 100; i++) backoff.failed(1001, null)
  assert.equal(backoff.until, until)
})

test('a success ends the pause and the memory of failures', () => {
  const backoff = new Backoff()
  for (let now = 1000; now < 10_000; now += 2000) backoff.failed(now, null)
  backoff.succeeded()
  assert.equal(backoff.until, 0)
  pausesFrom(20_000, backoff, [40])
})
