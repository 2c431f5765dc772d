import assert from 'node:assert/strict'
import test from 'node:test'

import { measuredScenarios, ratio, summarise } from '../../bench/summary.ts'
import { results } from './results.ts'

test('summarise() gives medians, spreads and totals of each server', () => {
  const [dnslet, unbound] = summarise(results, 'hits')
  assert.equal(dnslet?.server, 'dnslet')
  assert.deepEqual(dnslet.cpu, { figure: 5, min: 4, max: 6 })
  assert.equal(dnslet.lost, 3)
  assert.equal(dnslet.completed, 8000)
  assert.deepEqual(dnslet.latency.p50, { figure: 81, min: 81, max: 82 })
  assert.equal(dnslet.latency.p999.figure, 1000)
  assert.equal(unbound?.cpu.figure, 8)
})

test('summarise() has no latency where none was measured', () => {
  assert.equal(summarise(results, 'memory').at(0)?.latency.p50.figure, NaN)
})

test('ratio() pairs the rounds before it takes the median', () => {
  const half = ratio(results, 'memory', 'dnslet', 'unbound', 'cpu')
  assert.deepEqual(half, { figure: (1 / 3 + 1 / 2) / 2, min: 1 / 3, max: 1 / 2 })
})

test('ratio() of latencies is that of all rounds together, with the range of the rounds', () => {
  const p999 = ratio(results, 'hits', 'dnslet', 'unbound', 'p999')
  assert.deepEqual(p999, { figure: 0.4, min: 1000 / 3000, max: 1000 / 2500 })
  assert.equal(ratio(results, 'memory', 'dnslet', 'unbound', 'p999').figure, NaN)
})

test('measuredScenarios() keeps the order of measuring', () => {
  assert.deepEqual(measuredScenarios(results), ['hits', 'memory'])
})
