import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Histogram, LabelledCounters } from '../../src/lib/counters.ts'
import { counter, counters, gauge, histogram, type MetricSpec } from '../../src/lib/metrics.ts'

function samplesOf(metric: MetricSpec): [labels: readonly string[], value: number | Histogram][] {
  const samples: [readonly string[], number | Histogram][] = []
  metric.collect((labels, value) => samples.push([labels, value]))
  return samples
}

test('a metric without labels is read when it is asked for, and absent where there is no value', () => {
  let value: number | null = 1
  for (const make of [counter, gauge]) {
    value = 1
    const metric = make('dnslet_test', 'Help.', () => value)
    assert.deepEqual([metric.type, metric.labels], [make.name, []])
    assert.deepEqual(samplesOf(metric), [[[], 1]])
    value = null
    assert.deepEqual(samplesOf(metric), [])
  }
  const durations = new Histogram([1])
  const metric = histogram('dnslet_test_seconds', 'Help.', () => durations)
  assert.deepEqual([metric.type, samplesOf(metric)], ['histogram', [[[], durations]]])
})

test('of counters with labels only those that have counted have a sample', () => {
  const of = new LabelledCounters(() => ({ hits: 0, misses: 0 }))
  const metric = counters('dnslet_test_hits_total', 'Help.', ['server'], of, ({ hits }) => hits)
  of.get('a').hits = 3
  of.get('b').misses = 1
  assert.deepEqual([metric.type, metric.labels], ['counter', ['server']])
  assert.deepEqual(samplesOf(metric), [[['a'], 3]])
})
