import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ByteBudget } from '../../../src/lib/byte-budget.ts'
import { CacheKey } from '../../../src/plugins/cache/cache-key.ts'
import { Flight, FlightTable } from '../../../src/plugins/cache/flight.ts'
import { Slab } from '../../../src/plugins/cache/slab.ts'
import { Store } from '../../../src/plugins/cache/store.ts'
import { accepted } from '../../serve/fake-target.ts'
import { message } from '../../wire/message.ts'
import { keyOf, write } from './keys.ts'

describe('questions of the same hash', () => {
  test('displace each other in a store, which is counted, and no other', () => {
    const budget = new ByteBudget(1 << 20)
    let evicted = 0
    const store = new Store(9984, false, new Slab(), budget, () => evicted++)
    for (let i = 0; i < 200; i++) assert.ok(write(store, keyOf(i, 99)))
    for (let i = 0; i < 1000; i++) assert.ok(write(store, keyOf(i, 12_345)))
    const found = (_: unknown, i: number): boolean => store.find(keyOf(i, 12_345)) !== null
    const present = Array.from({ length: 1000 }, found)
    assert.deepEqual([present.indexOf(true), present.lastIndexOf(true)], [999, 999])
    assert.notEqual(store.find(keyOf(199, 99)), null)
    assert.equal(store.countFresh(0), 2)
    assert.equal(evicted, 1198)
    // One that is there already takes nobody's place.
    assert.ok(write(store, keyOf(999, 12_345)))
    assert.equal(evicted, 1198)
    store.clear()
    assert.equal(budget.used, 0)
  })

  test('but of another variant, type or name are told apart: nobody gets the answer to another', () => {
    const store = new Store(9984, false, new Slab(), new ByteBudget(1 << 20))
    const key = keyOf(7, 1)
    assert.ok(write(store, key))
    assert.notEqual(store.find(keyOf(7, 1)), null)
    const other = keyOf(7, 1)
    other.variant = 1
    assert.equal(store.find(other), null)
    assert.equal(store.find(keyOf(8, 1)), null)
    store.delete(keyOf(8, 1))
    assert.notEqual(store.find(key), null, 'nor ends it')
  })

  test('that are under way are all found, and all are removed', () => {
    const table = new FlightTable()
    const flights = Array.from({ length: 300 }, (_, i) => {
      const query = accepted(message({ name: `x${i}.test` })).keep()
      const key = keyOf(i, 12_345)
      assert.equal(table.find(key), null)
      const flight = Flight.plan(key, query, false, 0)
      table.add(flight)
      return flight
    })
    for (const flight of flights) assert.equal(table.find(flight.key), flight)
    for (const flight of flights.toSorted((x, y) => x.key.question.end - y.key.question.end || 1)) {
      table.remove(flight)
    }
    assert.equal(table.count, 0)
    assert.deepEqual([...table], [])
  })

  test('cost others nothing: ten thousand flights of other hashes are all found', () => {
    const table = new FlightTable()
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
    assert.equal(table.count, 0)
  })
})
