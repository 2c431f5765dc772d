import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteBudget } from '../../src/lib/byte-budget.ts'

test('ByteBudget is exceeded by the first byte over its limit', () => {
  const budget = new ByteBudget(100)
  budget.take(60)
  assert.equal(budget.wouldExceed(40), false)
  assert.equal(budget.wouldExceed(41), true)
  budget.take(40)
  assert.equal(budget.wouldExceed(0), false)
  assert.equal(budget.wouldExceed(1), true)
})

test('ByteBudget is far exceeded by the first byte over twice its limit', () => {
  const budget = new ByteBudget(100)
  budget.take(200)
  assert.equal(budget.isFarExceeded, false)
  budget.take(1)
  assert.equal(budget.isFarExceeded, true)
})

test('ByteBudget has room again once bytes are given back or the limit rises', () => {
  const budget = new ByteBudget(100)
  budget.take(100)
  budget.give(30)
  assert.deepEqual([budget.used, budget.wouldExceed(30), budget.wouldExceed(31)], [70, false, true])
  budget.limit = 200
  assert.equal(budget.wouldExceed(130), false)
})

test('ByteBudget knows that it is over a limit that was lowered', () => {
  const budget = new ByteBudget(100)
  budget.take(80)
  budget.limit = 50
  assert.equal(budget.wouldExceed(0), true)
})

test('ByteBudget holds the sum of what its holders hold', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000)), fc.nat(20_000), (holdings, limit) => {
      const budget = new ByteBudget(limit)
      for (const bytes of holdings) budget.take(bytes)
      const sum = holdings.reduce((total, bytes) => total + bytes, 0)
      assert.deepEqual([budget.used, budget.wouldExceed(0)], [sum, sum > limit])
      for (const bytes of holdings) budget.give(bytes)
      assert.equal(budget.used, 0)
    }),
  )
})
