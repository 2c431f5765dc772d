import assert from 'node:assert/strict'
import { test } from 'node:test'

import { HedgeBudget } from '../../src/upstream/second-attempts.ts'

/** How many second attempts there may be now. */
function drain(budget: HedgeBudget): number {
  let taken = 0
  while (budget.take()) taken++
  return taken
}

test('three at once, and a share of the queries', () => {
  const budget = new HedgeBudget(1 / 8)
  assert.equal(drain(budget), 3)
  for (let i = 0; i < 16; i++) budget.asked()
  assert.equal(drain(budget), 2)
  for (let i = 0; i < 1000; i++) budget.asked()
  assert.equal(drain(budget), 3, 'what is not used does not pile up')
})

test('four more for each that was faster than the first attempt, sixteen at most', () => {
  const budget = new HedgeBudget(0)
  drain(budget)
  budget.won()
  assert.equal(drain(budget), 4)
  for (let i = 0; i < 10; i++) budget.won()
  assert.equal(drain(budget), 16)
})

test('a third attempt only from what was given for faster ones', () => {
  const budget = new HedgeBudget(0)
  assert.equal(budget.take(true), false)
  budget.won()
  assert.equal(budget.take(true), true)
})
