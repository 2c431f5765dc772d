import assert from 'node:assert/strict'
import test from 'node:test'

import fc from 'fast-check'

import { latency, pairedRatios, percentile, spread } from '../../bench/stats.ts'

test('spread() takes the middle of an odd number of values', () => {
  assert.deepEqual(spread([9, 1, 10]), { figure: 9, min: 1, max: 10 })
})

test('spread() takes the mean of the two middle values of an even number', () => {
  assert.deepEqual(spread([10, 2, 4, 3]), { figure: 3.5, min: 2, max: 10 })
})

test('spread() of nothing is NaN', () => {
  assert.deepEqual(spread([]), { figure: NaN, min: NaN, max: NaN })
})

test('percentile() returns the smallest sample that the share does not exceed', () => {
  const samples = Float64Array.from({ length: 1000 }, (_, i) => i + 1)
  assert.equal(percentile(samples, 0.5), 500)
  assert.equal(percentile(samples, 0.999), 999)
  assert.equal(percentile(samples, 0), 1)
  assert.equal(percentile(samples, 1), 1000)
})

test('percentile() of no samples is NaN', () => {
  assert.equal(percentile(new Float64Array(), 0.99), NaN)
})

test('percentile() has the share of the samples at or below it', () => {
  const samples = fc.float64Array({ minLength: 1, noNaN: true })
  fc.assert(
    fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
      const value = percentile(values.toSorted(), share)
      const below = values.filter((other) => other <= value).length
      assert.ok(values.includes(value))
      assert.ok(below >= share * values.length - 1e-9)
    }),
  )
})

test('latency() sorts numerically', () => {
  assert.deepEqual(latency(Float64Array.of(100, 20, 3)), { p50: 20, p99: 100, p999: 100 })
})

test('pairedRatios() divides the samples of the same round', () => {
  assert.deepEqual(pairedRatios([2, 9], [4, 3]), [0.5, 3])
})

test('pairedRatios() rejects series of different lengths', () => {
  assert.throws(() => pairedRatios([1], [1, 2]), RangeError)
})
