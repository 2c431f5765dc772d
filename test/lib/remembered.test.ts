import assert from 'node:assert/strict'
import { test } from 'node:test'
import { remembered } from '../../src/lib/remembered.ts'

test('what was read serves for a while, and is read again after it', () => {
  let reads = 0
  const long = remembered(60_000, () => ++reads)
  assert.deepEqual([long(), long(), long()], [1, 1, 1])
  const never = remembered(-1, () => ++reads)
  assert.deepEqual([never(), never()], [2, 3])
})
