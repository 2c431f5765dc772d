import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { SpaceSaving } from '../../src/lib/space-saving.ts'

function add(sketch: SpaceSaving, text: string): void {
  const key = Buffer.from(text)
  sketch.add(key, key.length)
}

function shown(sketch: SpaceSaving, limit = 100): [string, number, number][] {
  return sketch.top(limit).map(({ key, count, error }) => [key.toString(), count, error])
}

describe('a space-saving sketch', () => {
  test('counts exactly while every key has a counter', () => {
    const sketch = new SpaceSaving(3, 16)
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) add(sketch, key)
    assert.deepEqual(shown(sketch), [
      ['a', 3, 0],
      ['b', 2, 0],
      ['c', 1, 0],
    ])
    assert.deepEqual(shown(sketch, 1), [['a', 3, 0]])
    assert.equal(sketch.total, 6)
  })

  test('gives the smallest counter to a newcomer, and tells how far that may be wrong', () => {
    const sketch = new SpaceSaving(2, 16)
    for (const key of ['a', 'a', 'b', 'c', 'c']) add(sketch, key)
    assert.deepEqual(shown(sketch), [
      ['c', 3, 1],
      ['a', 2, 0],
    ])
  })

  test('tells keys apart by length and by every octet', () => {
    const sketch = new SpaceSaving(8, 4)
    for (const key of ['', 'a', 'aa', 'a\0', 'ba', 'ab']) add(sketch, key)
    assert.equal(sketch.top(8).length, 6)
  })

  test('cuts keys that are too long', () => {
    const sketch = new SpaceSaving(4, 3)
    add(sketch, 'abcd')
    add(sketch, 'abce')
    assert.deepEqual(shown(sketch), [['abc', 2, 0]])
  })

  test('makes room for longer keys, and keeps those that it has', () => {
    const sketch = new SpaceSaving(4, 255)
    const keys = [1, 97, 200, 255].map((length) => 'k'.repeat(length))
    for (const key of [...keys, ...keys]) add(sketch, key)
    const found = new Map(shown(sketch).map(([key, times]) => [key, times]))
    assert.deepEqual(found, new Map(keys.map((key) => [key, 2])))
  })

  test('is empty at first', () => {
    assert.deepEqual(new SpaceSaving(4, 3).top(4), [])
  })

  test('keeps its promises for any stream', () => {
    const stream = fc.array(
      fc.nat({ max: 40 }).map((n) => `key-${Math.floor(n ** 2 / 60)}`),
      {
        maxLength: 400,
      },
    )
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 12 }), (keys, counters) => {
        const sketch = new SpaceSaving(counters, 16)
        const exact = new Map<string, number>()
        for (const key of keys) {
          add(sketch, key)
          exact.set(key, (exact.get(key) ?? 0) + 1)
        }
        const found = new Map(sketch.top(counters).map((one) => [one.key.toString(), one]))
        let sum = 0
        for (const [key, { count, error }] of found) {
          const truly = exact.get(key) ?? 0
          assert.ok(truly <= count && truly >= count - error, `${key}: ${truly} of ${count}`)
          assert.ok(error <= keys.length / counters)
          sum += count
        }
        assert.equal(sum, keys.length, 'every key is counted somewhere')
        // Heavy hitters have a counter.
        for (const [key, count] of exact) {
          if (count > keys.length / counters) assert.ok(found.has(key), key)
        }
        const counts = [...found.values()].map(({ count }) => count)
        assert.deepEqual(
          counts,
          counts.toSorted((a, b) => b - a),
        )
      }),
    )
  })
})
