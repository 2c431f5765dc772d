import assert from 'node:assert/strict'
import { test } from 'node:test'

import { figuresLine, readFigures, since } from '../../../src/commands/demo/figures.ts'
import { Histogram } from '../../../src/lib/counters.ts'
import type { MetricSpec } from '../../../src/lib/metrics.ts'

const values = new Map<string, (number | Histogram)[]>()
const labels = ['server', 'zone']
const zones = ['.', 'cluster.local.', 'dropped']

function metric(name: string): MetricSpec {
  return {
    name,
    help: '',
    type: 'counter',
    labels,
    collect: (emit) => values.get(name)?.forEach((value, i) => emit(['', zones[i]!], value)),
  }
}

const metrics = [
  'coredns_cache_hits_total',
  'coredns_cache_misses_total',
  'coredns_dns_request_duration_seconds',
].map(metric)

test('the figures add up all zones and tell what happened since the start', () => {
  const first = new Histogram([0.001])
  first.observe(0.0005, 3)
  values.set('coredns_dns_request_duration_seconds', [first])
  values.set('coredns_cache_hits_total', [1, 1])
  values.set('coredns_cache_misses_total', [1])
  const before = readFigures(metrics)
  assert.deepEqual(before, { hits: 2, misses: 1, answered: 3, seconds: 0.0015 })

  const second = new Histogram([0.001])
  second.observe(0.002, 1)
  values.set('coredns_dns_request_duration_seconds', [first, second, first])
  values.set('coredns_cache_misses_total', [1, 1])
  const line = figuresLine(since(before, readFigures(metrics)))
  assert.equal(line, 'queries 1 · hits 0 · misses 1 · mean latency 2.00 ms')
})

test('no query has no latency', () => {
  const line = figuresLine({ hits: 0, misses: 0, answered: 0, seconds: 0 })
  assert.equal(line, 'queries 0 · hits 0 · misses 0')
})

test('a metric that nobody registers is an error, not a zero', () => {
  assert.throws(() => readFigures([]), /Cannot find metric "coredns_dns_request_duration_seconds"/)
})
