import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../helpers/manual-clock.ts'
import { LineLimit } from '../../src/telemetry/line-limit.ts'

test('lines beyond the limit of a second are left out, and told of a second later', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const clock = new ManualClock()
  const told: number[] = []
  const limit = new LineLimit(clock, (lines) => told.push(lines), 2)
  const allowed = (): boolean[] => [limit.allows(), limit.allows(), limit.allows(), limit.allows()]
  assert.deepEqual(allowed(), [true, true, false, false])
  clock.advance(999)
  assert.equal(limit.allows(), false)
  clock.advance(1)
  assert.deepEqual(allowed(), [true, true, false, false])
  assert.deepEqual(told, [])
  t.mock.timers.tick(1_000)
  assert.deepEqual(told, [5])
  t.mock.timers.tick(60_000)
  assert.deepEqual(told, [5])
})

test('flush() tells at once, and only of what there is', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const told: number[] = []
  const limit = new LineLimit(new ManualClock(), (lines) => told.push(lines), 0)
  limit.flush()
  assert.deepEqual(told, [])
  limit.allows()
  limit.flush()
  limit.flush()
  t.mock.timers.tick(60_000)
  assert.deepEqual(told, [1])
})
