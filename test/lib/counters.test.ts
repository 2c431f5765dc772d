import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ByServer, Histogram, LabelledCounters } from '../../src/lib/counters.ts'

test('ByServer asks once for each server and tells them apart by index', () => {
  const asked: string[] = []
  const all = new ByServer((name) => {
    asked.push(name)
    return { name }
  })
  const third = { name: 'dns://:5353', index: 2 }
  const first = { name: 'dns://:53', index: 0 }
  const found = [third, first, third].map((server) => all.of(server))
  assert.deepEqual(asked, ['dns://:5353', 'dns://:53'])
  assert.deepEqual(
    found.map(({ name }) => name),
    ['dns://:5353', 'dns://:53', 'dns://:5353'],
  )
  assert.equal(found[0], found[2])
})

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

  test('clear() forgets all label sets, not the counters others hold', () => {
    const counters = new LabelledCounters(make)
    const held = counters.get('x')
    counters.clear()
    assert.deepEqual([...counters.entries()], [])
    held.hits++
    assert.equal(counters.get('x').hits, 0)
  })
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
