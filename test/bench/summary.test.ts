import assert from 'node:assert/strict'
import test from 'node:test'

import { measuredScenarios, ratio, summarise } from '../../bench/summary.ts'
import { results } from './results.ts'

test('summarise() gives medians, spreads and totals of each server', () => {
  const [dnslet, unbound] = summarise(results, 'hits')
  assert.equal(dnslet?.server, 'dnslet')
  assert.deepEqual(dnslet.cpu, { median: 5, min: 4, max: 6 })
  assert.equal(dnslet.lost, 3)
  assert.equal(dnslet.completed, 8000)
  assert.deepEqual(dnslet.latency.p50, { median: 81.5, min: 81, max: 82 })
  assert.equal(dnslet.latency.p999.median, 1000)
  assert.equal(unbound?.cpu.median, 8)
})

test('summarise() has no latency where none was measured', () => {
  assert.equal(summarise(results, 'memory').at(0)?.latency.p50.median, NaN)
})

test('ratio() pairs the rounds before it takes the median', () => {
  const half = ratio(results, 'memory', 'dnslet', 'unbound', 'cpu')
  assert.deepEqual(half, { median: (1 / 3 + 1 / 2) / 2, min: 1 / 3, max: 1 / 2 })
})

test('measuredScenarios() keeps the order of measuring', () => {
  assert.deepEqual(measuredScenarios(results), ['hits', 'memory'])
})
