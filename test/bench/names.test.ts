import assert from 'node:assert/strict'
import test from 'node:test'

import {
  HIT_NAMES,
  hitQueries,
  missQueries,
  mixQueries,
  stormQueries,
  zoneText,
} from '../../bench/names.ts'

const hits = new Set(hitQueries())

test('hitQueries() asks for every hit name of the zone once', () => {
  assert.equal(hits.size, HIT_NAMES)
  const owners = new Set(
    zoneText()
      .split('\n')
      .map((line) => line.split(' ').at(0)),
  )
  for (const query of hits) assert.ok(owners.has(query.replace(/ A$/, '')), query)
})

test('missQueries() never repeats a name, nor one of another series', () => {
  const names = [...missQueries('a', 1000), ...missQueries('b', 1000)]
  assert.equal(new Set(names).size, 2000)
  assert.ok(names.every((name) => name.endsWith('.miss.bench.test. A')))
})

test('mixQueries() has one miss in ten, each of them unique', () => {
  const misses = mixQueries('m', 50_000).filter((query) => !hits.has(query))
  assert.ok(Math.abs(misses.length - 5000) < 250, `${misses.length} misses`)
  assert.equal(new Set(misses).size, misses.length)
})

test('mixQueries() is the same for every run', () => {
  assert.deepEqual(mixQueries('m', 100), mixQueries('m', 100))
})

test('stormQueries() has as many names that exist as names that do not', () => {
  const queries = stormQueries('s', 1000)
  assert.equal(new Set(queries).size, 1000)
  assert.equal(queries.filter((query) => query.endsWith('.miss.bench.test. A')).length, 500)
})
