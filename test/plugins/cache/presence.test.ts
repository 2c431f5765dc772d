import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Presence } from '../../../src/plugins/cache/presence.ts'

test('property: no hash that is there is ever denied, whatever came and went', () => {
  const hashes = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.integer())
  fc.assert(
    fc.property(fc.array(fc.record({ hash: hashes, adds: fc.boolean() })), (steps) => {
      const presence = new Presence(2)
      const there: number[] = []
      for (const { hash, adds } of steps) {
        const at = there.indexOf(hash)
        if (adds) presence.add(hash)
        else if (at >= 0) presence.remove(hash)
        if (adds) there.push(hash)
        else if (at >= 0) there.splice(at, 1)
        for (const one of there) assert.equal(presence.mayHold(one), true)
        if (there.length === 0) assert.equal(presence.mayHold(hash), false)
      }
    }),
  )
})

test('of hashes that are not there, one of six at most may seem to be', () => {
  const presence = new Presence(1000)
  const spread = (i: number): number => Math.imul(i, 0x9e3779b1) >> 5
  for (let i = 0; i < 1000; i++) presence.add(spread(i))
  let seem = 0
  for (let i = 1000; i < 11_000; i++) if (presence.mayHold(spread(i))) seem++
  assert.ok(seem < 10_000 / 4, String(seem))
  for (let i = 0; i < 1000; i++) presence.remove(spread(i))
  for (let i = 0; i < 11_000; i++) assert.equal(presence.mayHold(spread(i)), false)
})

test('a place that overflows denies none of those that are left', () => {
  const presence = new Presence(100)
  for (let i = 0; i < 300; i++) presence.add(7)
  for (let i = 0; i < 299; i++) presence.remove(7)
  assert.equal(presence.mayHold(7), true)
})
