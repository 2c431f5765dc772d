import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Clock } from '../../src/lib/clock.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

describe('Clock', () => {
  test('starts with the time of its making and stands still until it is refreshed', () => {
    const before = performance.now()
    const clock = new Clock()
    const { now } = clock
    const after = performance.now()
    assert.ok(before <= now && now <= after)
    assert.equal(clock.now, now)
  })

  test('refresh() reads the time and returns it', () => {
    const clock = new Clock()
    const before = performance.now()
    const read = clock.refresh()
    const after = performance.now()
    assert.equal(clock.now, read)
    assert.ok(before <= read && read <= after)
  })
})

describe('ManualClock', () => {
  test('moves only when told, by fractions of a millisecond too', () => {
    const clock = new ManualClock(100)
    assert.equal(clock.refresh(), 100)
    clock.advance(2.5)
    assert.deepEqual([clock.now, clock.refresh()], [102.5, 102.5])
  })

  test('starts well after zero, so that "long ago" is a time as well', () => {
    assert.equal(new ManualClock().now, 1_000_000)
  })
})
