import assert from 'node:assert/strict'
import { test } from 'node:test'

import { random16 } from '../../src/upstream/random.ts'

test('random16() spreads over all 16 bits and does not repeat its draws', () => {
  const drawn = Array.from({ length: 5000 }, random16)
  assert.ok(drawn.every((n) => Number.isInteger(n) && n >= 0 && n <= 0xffff))
  for (let bit = 0; bit < 16; bit++) {
    const set = drawn.filter((n) => (n >> bit) & 1).length
    assert.ok(set > 2200 && set < 2800, `bit ${bit}: ${set}`)
  }
  assert.ok(new Set(drawn).size > 4500)
})
