import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteBudget, type ByteHolder } from '../../src/lib/byte-budget.ts'

test('ByteBudget is exceeded by the first byte over its limit', () => {
  const budget = new ByteBudget(100)
  budget.take(60)
  assert.equal(budget.wouldExceed(40), false)
  assert.equal(budget.wouldExceed(41), true)
  budget.take(40)
  assert.equal(budget.wouldExceed(0), false)
  assert.equal(budget.wouldExceed(1), true)
})

test('ByteBudget is far exceeded by the first byte over twice its limit', () => {
  const budget = new ByteBudget(100)
  budget.take(200)
  assert.equal(budget.isFarExceeded, false)
  budget.take(1)
  assert.equal(budget.isFarExceeded, true)
})

test('ByteBudget has room again once bytes are given back or the limit rises', () => {
  const budget = new ByteBudget(100)
  budget.take(100)
  budget.give(30)
  assert.deepEqual([budget.used, budget.wouldExceed(30), budget.wouldExceed(31)], [70, false, true])
  budget.limit = 200
  assert.equal(budget.wouldExceed(130), false)
})

test('ByteBudget knows that it is over a limit that was lowered', () => {
  const budget = new ByteBudget(100)
  budget.take(80)
  budget.limit = 50
  assert.equal(budget.wouldExceed(0), true)
})

test('ByteBudget holds the sum of what its holders hold', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000)), fc.nat(20_000), (holdings, limit) => {
      const budget = new ByteBudget(limit)
      for (const bytes of holdings) budget.take(bytes)
      const sum = holdings.reduce((total, bytes) => total + bytes, 0)
      assert.deepEqual([budget.used, budget.wouldExceed(0)], [sum, sum > limit])
      for (const bytes of holdings) budget.give(bytes)
      assert.equal(budget.used, 0)
    }),
  )
})

/** Gives up one byte at a time. */
class Holder implements ByteHolder {
  bytes = 0
  spare = 0
  readonly #budget: ByteBudget

  constructor(budget: ByteBudget) {
    this.#budget = budget
  }

  take(bytes: number, spare: number): void {
    this.bytes += bytes
    this.spare += spare
    this.#budget.note(this, bytes, spare)
  }

  giveUp(spare: boolean): boolean {
    if (this.bytes === 0) return false
    this.take(-1, spare && this.spare > 0 ? -1 : 0)
    return true
  }
}

test('who has most to spare makes room first, and then who has most', () => {
  const budget = new ByteBudget(100)
  const [a, b] = [new Holder(budget), new Holder(budget)]
  a.take(60, 0)
  b.take(40, 40)
  assert.equal(budget.makeRoom(25), true)
  assert.deepEqual([a.bytes, b.bytes, b.spare], [60, 15, 15])
  a.take(25, 0)
  assert.equal(budget.makeRoom(30), true)
  // Until it is less than a fifth.
  assert.deepEqual([a.bytes, b.bytes], [56, 14])
  assert.equal(budget.makeRoom(101), false)
  assert.equal(budget.used, 70, 'and nothing is given up in vain')
})

test('one that has nothing left is not asked again, and who holds nothing is no holder', () => {
  const budget = new ByteBudget(10)
  const [a, b] = [new Holder(budget), new Holder(budget)]
  b.take(4, 4)
  a.take(6, 6)
  assert.equal(budget.makeRoom(10), true)
  assert.deepEqual([a.bytes, b.bytes], [0, 0])
  budget.take(1)
  assert.equal(budget.makeRoom(10), false)
  budget.limit = 0
  assert.equal(budget.trim(5), false)
})

test('what is beyond a lower limit goes in slices; until then as much comes as goes', () => {
  const budget = new ByteBudget(100)
  const a = new Holder(budget)
  a.take(100, 0)
  budget.limit = 50
  assert.equal(budget.makeRoom(5), true)
  assert.equal(budget.used, 95)
  a.take(5, 0)
  let slices = 1
  while (budget.trim(10)) slices++
  assert.deepEqual([slices, budget.used], [5, 50])
})
