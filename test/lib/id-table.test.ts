import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { IdTable } from '../../src/lib/id-table.ts'

test('take() gives each slot once and −1 when there is none left', () => {
  const table = new IdTable<number>(3)
  const ids = Array.from({ length: 8 }, (_, i) => table.take(i))
  assert.equal(new Set(ids).size, 8)
  assert.ok(ids.every((id) => id >= 0 && id <= 0xffff))
  assert.ok(table.full)
  assert.equal(table.take(8), -1)
  assert.equal(table.size, 8)
})

test('give() makes room again, under another id', () => {
  const table = new IdTable<string>(1)
  const first = table.take('a')
  table.take('b')
  assert.equal(table.give(first), 'a')
  const again = table.take('c')
  assert.notEqual(again, first)
  assert.equal(table.get(first), null, 'an id of an earlier generation finds nobody')
  assert.equal(table.give(first), null)
  assert.equal(table.get(again), 'c')
  assert.ok(table.full)
})

test('items() has every item whose id is taken', () => {
  const table = new IdTable<number>(4)
  const ids = [1, 2, 3].map((item) => table.take(item))
  table.give(ids[1]!)
  assert.deepEqual(
    table.items().toSorted((a, b) => a - b),
    [1, 3],
  )
  for (const item of [1, 3]) table.give(ids[item - 1]!)
  assert.deepEqual(table.items(), [])
})

test('IdTable() refuses sizes that leave no slot or no generation', () => {
  for (const bits of [0, 16, -1, NaN]) assert.throws(() => new IdTable(bits), RangeError)
})

/** Steps: take; give back one of those held; ask for an id that is free, or was given back. */
const steps = fc.array(
  fc.oneof(
    fc.constant({ kind: 'take' as const }),
    fc.record({ kind: fc.constant('give' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('stale' as const), which: fc.nat() }),
    fc.record({ kind: fc.constant('guess' as const), id: fc.nat(0xffff) }),
  ),
  { maxLength: 400 },
)

test('no slot is given twice, stale ids are rejected, all slots come back', () => {
  const bitsAndMask = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(0xffff))
  fc.assert(
    fc.property(bitsAndMask, steps, ([bits, mask], script) => {
      const table = new IdTable<object>(bits, mask)
      const held = new Map<number, object>()
      /** Given back so lately that their slot cannot have gone through all its generations. */
      let stale: number[] = []
      for (const step of script) {
        if (step.kind === 'take') {
          const item = {}
          const id = table.take(item)
          assert.equal(id < 0, held.size === table.capacity)
          if (id < 0) continue
          assert.ok(!held.has(id), 'an id in use')
          held.set(id, item)
        } else if (step.kind === 'give' && held.size > 0) {
          const ids = [...held.keys()]
          const id = ids[step.which % ids.length]!
          assert.equal(table.give(id), held.get(id))
          held.delete(id)
          stale = [...stale, id].slice(-500)
        } else if (step.kind === 'stale' && stale.length > 0) {
          const id = stale[step.which % stale.length]!
          if (!held.has(id)) assert.equal(table.give(id), null)
        } else if (step.kind === 'guess') {
          assert.equal(table.get(step.id), held.get(step.id) ?? null)
        }
        assert.equal(table.size, held.size)
      }
      for (const [id, item] of held) assert.equal(table.give(id), item)
      const again = Array.from({ length: table.capacity }, () => table.take({}))
      assert.equal(new Set(again).size, table.capacity)
      assert.ok(again.every((id) => id >= 0))
    }),
  )
})
