import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'

import {
  HIT_NAMES,
  hitQueries,
  inOrderQueries,
  missQueries,
  mixQueries,
  stormQueries,
  writeRound,
  zoneText,
} from '../../bench/names.ts'
import { findScenario, scenarios as all } from '../../bench/scenario.ts'

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

test('inOrderQueries() has one slow name in 200, and no name twice', () => {
  const names = inOrderQueries('o', 1000)
  assert.equal(new Set(names).size, 1000)
  assert.equal(names.filter((name) => name.includes('.ms20.')).length, 5)
  assert.ok(names.every((name) => name.endsWith('.in-order.bench.test. A')))
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

test('writeRound() never repeats a miss, neither in another file nor in another round', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'dnslet-bench-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const asked = new Set<string>()
  let count = 0
  for (const round of [1, 2]) {
    writeRound(dir, round, { seconds: 1, latencySeconds: 2, warmupSeconds: 1, scenarios: all })
    for (const name of readdirSync(dir).filter((file) => file !== 'hits')) {
      for (const line of readFileSync(join(dir, name), 'utf8').split('\n')) {
        if (line === '' || hits.has(line)) continue
        asked.add(line)
        count++
      }
    }
  }
  assert.ok(count > 500_000)
  assert.equal(asked.size, count)
})

test('writeRound() keeps a turn of one round apart from that of another', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'dnslet-bench-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const scenarios = [findScenario('misses')]
  const plan = { seconds: 1, latencySeconds: 12, warmupSeconds: 0, scenarios }
  const first = [1, 11].map((round) => {
    writeRound(dir, round, plan)
    const file = round === 1 ? 'misses-11' : 'misses-1'
    return readFileSync(join(dir, file), 'utf8').split('\n').at(0)
  })
  assert.notEqual(first[0], first[1])
})

test('writeRound() writes no run at full speed for a paced scenario', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'dnslet-bench-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const scenarios = [findScenario('calm'), findScenario('calm-misses')]
  writeRound(dir, 1, { seconds: 1, latencySeconds: 1, warmupSeconds: 0, scenarios })
  const written = ['calm-misses-0', 'calm-misses-warmup', 'hits', 'warmup-misses']
  assert.deepEqual(readdirSync(dir).toSorted(), written)
})

test('writeRound() writes only what its scenarios ask for', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'dnslet-bench-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const scenarios = [findScenario('serial'), findScenario('misses')]
  writeRound(dir, 1, { seconds: 1, latencySeconds: 2, warmupSeconds: 1, scenarios })
  const written = ['hits', 'misses', 'misses-0', 'misses-1', 'misses-warmup', 'warmup-misses']
  assert.deepEqual(readdirSync(dir).toSorted(), written)
})
