import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ByServer, Histogram, LabelledCounters } from '../../src/lib/counters.ts'

describe('LabelledCounters', () => {
  const make = (): { hits: number } => ({ hits: 0 })

  test('gives the same counters for the same labels', () => {
    const counters = new LabelledCounters(make)
    counters.get('dns://:53', 'success').hits++
    counters.get('dns://:53', 'success').hits++
    counters.get('dns://:53', 'denial').hits++
    assert.deepEqual(
      [...counters.entries()],
      [
        [['dns://:53', 'success'], { hits: 2 }],
        [['dns://:53', 'denial'], { hits: 1 }],
      ],
    )
  })

  test('tells label sets apart whose concatenation is the same', () => {
    const counters = new LabelledCounters(make)
    assert.notEqual(counters.get('a', 'bc'), counters.get('ab', 'c'))
    assert.notEqual(counters.get('a'), counters.get('a', ''))
    assert.equal([...counters.entries()].length, 4)
  })

  test('takes no labels as a label set too', () => {
    const counters = new LabelledCounters(make)
    assert.equal(counters.get(), counters.get())
    assert.deepEqual([...counters.entries()], [[[], { hits: 0 }]])
  })
})

test('ByServer finds the counters of a server by its index, whatever the order', () => {
  const counters = new LabelledCounters(() => ({ hits: 0 }))
  const byServer = new ByServer(counters, 'cluster.local.')
  const [first, third] = [
    { name: 'dns://:53', index: 0 },
    { name: 'dns://:54', index: 2 },
  ]
  byServer.of(third).hits++
  byServer.of(first).hits += 2
  byServer.of(third).hits++
  assert.deepEqual(
    [...counters.entries()],
    [
      [['dns://:54', 'cluster.local.'], { hits: 2 }],
      [['dns://:53', 'cluster.local.'], { hits: 2 }],
    ],
  )
  assert.equal(new ByServer(counters, 'cluster.local.').of(first), byServer.of(first))
  assert.notEqual(new ByServer(counters, '.').of(first), byServer.of(first))
})

describe('Histogram', () => {
  test('counts a value in the first bucket whose bound is not below it', () => {
    const histogram = new Histogram([1, 2, 4])
    for (const value of [0, 1, 1.5, 2, 4, 4.001, Infinity]) histogram.observe(value)
    assert.deepEqual([...histogram.counts], [2, 2, 1, 2])
  })

  test('adds up, several observations at once included', () => {
    const histogram = new Histogram([1, 2])
    histogram.observe(0.5, 3)
    histogram.observe(10)
    assert.deepEqual([[...histogram.counts], histogram.sum], [[3, 0, 1], 11.5])
  })

  test('loses no observation', () => {
    const bounds = fc.uniqueArray(fc.nat(100), { maxLength: 8 }).map((b) => b.sort((x, y) => x - y))
    fc.assert(
      fc.property(bounds, fc.array(fc.nat(120)), (list, values) => {
        const histogram = new Histogram(list)
        for (const value of values) histogram.observe(value)
        let below = 0
        for (const [i, bound] of [...list, Infinity].entries()) {
          below += histogram.counts[i]!
          assert.equal(below, values.filter((value) => value <= bound).length)
        }
        assert.equal(
          histogram.sum,
          values.reduce((sum, value) => sum + value, 0),
        )
      }),
    )
  })
})
