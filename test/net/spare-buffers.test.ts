import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { SpareBuffers } from '../../src/net/spare-buffers.ts'

test('take() gives what is large enough, and what was given back before anything new', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 22 }), (need) => {
      const spare = new SpareBuffers()
      const buffer = spare.take(need)
      assert.ok(buffer.length >= need && buffer.length < Math.max(2 * need, 2 ** 12 + 1))
      spare.give(buffer)
      assert.notEqual(spare.take(2 * buffer.length), buffer)
      assert.equal(spare.take(need), buffer)
      assert.notEqual(spare.take(need), buffer)
    }),
  )
})

test('give() keeps 8 MiB and leaves the rest to the collector', () => {
  const spare = new SpareBuffers()
  const all = Array.from({ length: 10 }, () => spare.take(2 ** 20))
  for (const buffer of all) spare.give(buffer)
  const again = new Set(Array.from({ length: 10 }, () => spare.take(2 ** 20)))
  assert.equal(all.filter((buffer) => again.has(buffer)).length, 8)
})
