import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HashFilter } from '../../../src/plugins/cache/hash-filter.ts'

test('property: no hash that is there is ever denied, whatever came and went', () => {
  const hashes = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.integer())
  fc.assert(
    fc.property(fc.array(fc.record({ hash: hashes, adds: fc.boolean() })), (steps) => {
      const filter = new HashFilter(2)
      const there: number[] = []
      for (const { hash, adds } of steps) {
        const at = there.indexOf(hash)
        if (adds) filter.add(hash)
        else if (at >= 0) filter.remove(hash)
        if (adds) there.push(hash)
        else if (at >= 0) there.splice(at, 1)
        for (const one of there) assert.equal(filter.mayHold(one), true)
        if (there.length === 0) assert.equal(filter.mayHold(hash), false)
      }
    }),
  )
})

test('of hashes that are not there, one of four at most may seem to be', () => {
  const filter = new HashFilter(1000)
  const spread = (i: number): number => Math.imul(i, 0x9e3779b1) >> 5
  for (let i = 0; i < 1000; i++) filter.add(spread(i))
  let seem = 0
  for (let i = 1000; i < 11_000; i++) if (filter.mayHold(spread(i))) seem++
  assert.ok(seem < 10_000 / 4, String(seem))
  for (let i = 0; i < 1000; i++) filter.remove(spread(i))
  for (let i = 0; i < 11_000; i++) assert.equal(filter.mayHold(spread(i)), false)
})

test('a place that overflows denies none of those that are left', () => {
  const filter = new HashFilter(100)
  for (let i = 0; i < 300; i++) filter.add(7)
  for (let i = 0; i < 299; i++) filter.remove(7)
  assert.equal(filter.mayHold(7), true)
})
