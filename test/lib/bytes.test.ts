import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { copyBytes } from '../../src/lib/bytes.ts'

test('copyBytes() copies the range and nothing else, short or long', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.nat(20), fc.nat(20), (count, fromOffset, toOffset) => {
      const from = Buffer.from(Array.from({ length: 100 }, (_, i) => i))
      const to = new Uint8Array(100).fill(0xee)
      copyBytes(from, fromOffset, to, toOffset, count)
      const expected = new Uint8Array(100).fill(0xee)
      expected.set(from.subarray(fromOffset, fromOffset + count), toOffset)
      assert.deepEqual(to, expected)
    }),
  )
})
