import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ByteBudget } from '../../../src/lib/byte-budget.ts'
import { CacheKey } from '../../../src/plugins/cache/cache-key.ts'
import { Flight } from '../../../src/plugins/cache/flight.ts'
import { FlightTable } from '../../../src/plugins/cache/flight-table.ts'
import { Slab } from '../../../src/plugins/cache/slab.ts'
import { MAX_CHAIN, NO_SLOT } from '../../../src/plugins/cache/slot-chains.ts'
import { Store } from '../../../src/plugins/cache/store.ts'
import { ErrorOptions } from '../../../src/wire/edns.ts'
import { accepted } from '../../serve/fake-target.ts'
import { a, message, questionOf, recordsOf } from '../../wire/message.ts'

/** A key as if the hash were broken altogether. */
function keyOf(i: number, hash = 12_345): CacheKey {
  const key = new CacheKey()
  key.wire = message({ name: `x${i}.test` })
  key.question = questionOf(key.wire)
  key.hash = hash
  return key
}

describe('questions of the same hash', () => {
  test('share a chain of a store that stays short: the oldest go, which is counted', () => {
    const budget = new ByteBudget(1 << 20)
    const counts = { evicted: 0, crowded: 0 }
    const count = (what: 'evicted' | 'crowded') => () => counts[what]++
    const store = new Store(9984, new Slab(), budget, count('evicted'), count('crowded'))
    const write = (key: CacheKey): void => {
      const wire = message({ name: 'x.test', answer: [a('x.test')] })
      const records = recordsOf(wire)
      const length = key.question.end + wire.length - questionOf(wire).end
      const slot = store.write(key, wire, length, records, 30, 0, -1, new ErrorOptions())
      assert.notEqual(slot, NO_SLOT)
    }
    for (let i = 0; i < 200; i++) write(keyOf(i, 99))
    for (let i = 0; i < 1000; i++) write(keyOf(i))
    const found = (hash: number) => (_: unknown, i: number) =>
      store.find(keyOf(i, hash)) !== NO_SLOT
    const present = Array.from({ length: 1000 }, found(12_345))
    assert.deepEqual(
      present.flatMap((one, i) => (one ? [i] : [])),
      Array.from({ length: MAX_CHAIN }, (_, i) => 1000 - MAX_CHAIN + i),
    )
    assert.equal(store.countFresh(0), 2 * MAX_CHAIN)
    assert.deepEqual(counts, {
      evicted: 1200 - 2 * MAX_CHAIN,
      crowded: 1200 - 2 * MAX_CHAIN,
    })
    // One that is there already takes nobody's place.
    write(keyOf(999))
    assert.equal(counts.crowded, 1200 - 2 * MAX_CHAIN)
    store.clear()
    assert.equal(budget.used, 0)
  })

  test('that are under way are found among the last ones only, and all are removed', () => {
    let gaveUp = 0
    const table = new FlightTable(() => gaveUp++)
    const flights = Array.from({ length: 1000 }, (_, i) => {
      const query = accepted(message({ name: `x${i}.test` })).keep()
      const key = keyOf(i)
      const flight = Flight.plan(key, query, false, 0)
      assert.equal(table.find(key), null)
      table.add(flight)
      assert.equal(table.find(key), flight)
      return flight
    })
    const found = flights.filter((_, i) => table.find(keyOf(i)) !== null)
    assert.equal(found.length, 16)
    assert.ok(gaveUp >= 984)
    for (const flight of flights.toSorted((x, y) => x.key.question.end - y.key.question.end || 1)) {
      table.remove(flight)
    }
    assert.equal(table.size, 0)
    assert.deepEqual([...table], [])
  })

  test('cost others nothing: ten thousand flights of other hashes are all found', () => {
    const table = new FlightTable(() => assert.fail('a fair hash has no chain of 16'))
    const flights = Array.from({ length: 10_000 }, (_, i) => {
      const query = accepted(message({ name: `x${i}.test` })).keep()
      const key = new CacheKey()
      key.read(query)
      const flight = Flight.plan(key, query, false, 0)
      table.add(flight)
      return flight
    })
    for (const flight of flights) assert.equal(table.find(flight.key), flight)
    assert.equal(new Set(table).size, 10_000)
    for (const flight of flights) {
      table.remove(flight)
      assert.equal(table.find(flight.key), null)
    }
    assert.equal(table.size, 0)
  })
})
