import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Lru } from '../../src/lib/lru.ts'

/** Keys that share buckets, some of them negative or beyond 31 bits. */
const anyKey = fc.constantFrom(0, 1, -1, 2, 8, 16, -8, 2 ** 31, -(2 ** 31), 7, 15, 23, 2 ** 32 - 2)

test('property: an LRU is a Map whose entries move to its end when they are used', () => {
  const anyAct = fc.constantFrom('get', 'peek', 'set', 'delete', 'shift')
  const anyMax = fc.integer({ min: 1, max: 9 })
  fc.assert(
    fc.property(
      anyMax,
      fc.array(fc.record({ act: anyAct, key: anyKey }), { maxLength: 80 }),
      (max, steps) => {
        const lru = new Lru<number>(max)
        const model = new Map<number, number>()
        for (const [value, { act, key }] of steps.entries()) {
          const number = key | 0
          const had = model.get(number)
          if (act === 'peek') {
            assert.equal(lru.peek(key), had)
          } else if (act === 'get') {
            assert.equal(lru.get(key), had)
            if (model.delete(number)) model.set(number, had!)
          } else if (act === 'delete') {
            assert.equal(lru.delete(key), had)
            model.delete(number)
          } else if (act === 'set' && (had !== undefined || model.size < max)) {
            assert.equal(lru.set(key, value), had)
            model.delete(number)
            model.set(number, value)
          } else if (act === 'shift') {
            const [oldest] = model.keys()
            assert.equal(lru.shift(), oldest === undefined ? undefined : model.get(oldest))
            model.delete(oldest!)
          }
          assert.deepEqual(lru.keys(), [...model.keys()].toReversed())
          assert.deepEqual([...lru.values()], [...model.values()].toReversed())
          assert.equal(lru.size, model.size)
          assert.equal(lru.isFull, model.size === max)
        }
        const copy = new Lru<number>(13)
        copy.copy(lru)
        assert.deepEqual(copy.keys(), lru.keys())
        assert.deepEqual([...copy.values()], [...lru.values()])
      },
    ),
  )
})

test('a full LRU takes no further key, and goes on', () => {
  const lru = new Lru<string>(2)
  lru.set(1, 'a')
  lru.set(2, 'b')
  assert.throws(() => lru.set(3, 'c'), RangeError)
  assert.equal(lru.set(1, 'd'), 'a')
  assert.deepEqual([...lru.values()], ['d', 'b'])
  assert.equal(lru.shift(), 'b')
  assert.equal(lru.set(3, 'c'), undefined)
  assert.deepEqual([...lru.values()], ['c', 'd'])
})
