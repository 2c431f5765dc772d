import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { policies } from '../../../src/plugins/forward/config.ts'
import { makePolicy, type Policy } from '../../../src/plugins/forward/policy.ts'

const orderOf = (policy: Policy, count: number): number[] => {
  const order = new Array<number>(count).fill(0)
  policy(order, count)
  return [...order]
}

test('sequential keeps the order of the directive', () => {
  assert.deepEqual(orderOf(makePolicy('sequential'), 3), [0, 1, 2])
})

test('round_robin puts each in front in turn, beginning with the second', () => {
  const policy = makePolicy('round_robin')
  assert.deepEqual(orderOf(policy, 3), [1, 0, 2])
  assert.deepEqual(orderOf(policy, 3), [2, 0, 1])
  assert.deepEqual(orderOf(policy, 3), [0, 1, 2])
})

test('random puts each upstream in each place about as often', () => {
  const policy = makePolicy('random')
  const seen = Array.from({ length: 3 }, () => [0, 0, 0])
  for (let i = 0; i < 3000; i++) orderOf(policy, 3).forEach((one, place) => seen[place]![one]!++)
  for (const row of seen) for (const times of row) assert.ok(times > 800 && times < 1200)
})

test('every policy names every upstream once', () => {
  fc.assert(
    fc.property(fc.constantFrom(...policies), fc.integer({ min: 1, max: 40 }), (name, count) => {
      const order = orderOf(makePolicy(name), count)
      assert.deepEqual(
        order.toSorted((a, b) => a - b),
        Array.from({ length: count }, (_, i) => i),
      )
    }),
  )
})
