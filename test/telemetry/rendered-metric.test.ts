import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Histogram } from '../../src/lib/counters.ts'
import { gauge, type MetricSpec } from '../../src/lib/metrics.ts'
import { exposition } from '../../src/telemetry/metrics.ts'
import { RenderedMetric, textOf } from '../../src/telemetry/rendered-metric.ts'

async function linesOf(accept: string, spec: MetricSpec): Promise<string[]> {
  const { body } = await exposition(accept, [spec])
  return body.split('\n').filter((line) => line.startsWith(spec.name))
}

const OPEN = 'application/openmetrics-text'

test('each scrape has the values of its moment, in both formats', async () => {
  const times = new Histogram([1])
  let count = 0
  const queries: MetricSpec = {
    name: 'test_queries_total',
    help: 'A\ncounter.',
    type: 'counter',
    labels: ['zone', 'type'],
    collect(emit) {
      emit(['a\nb', '"'], count)
      if (count > 1) emit(['.', 'A'], 1e21)
    },
  }
  const seconds: MetricSpec = {
    ...queries,
    name: 'test_seconds',
    type: 'histogram',
    labels: [],
    collect: (emit) => emit([], times),
  }
  for (const accept of ['', OPEN]) {
    count = 1
    times.counts.fill(0)
    times.sum = 0
    const first = 'test_queries_total{type="\\"",zone="a\\nb"}'
    assert.deepEqual(await linesOf(accept, queries), [`${first} 1`])
    const empty = ['_bucket{le="1"} 0', '_bucket{le="+Inf"} 0', '_sum 0', '_count 0']
    assert.deepEqual(
      await linesOf(accept, seconds),
      empty.map((line) => `test_seconds${line}`),
    )
    count = 2
    times.observe(0.5, 2)
    times.observe(3)
    assert.deepEqual(await linesOf(accept, queries), [
      `${first} 2`,
      'test_queries_total{type="A",zone="."} 1e+21',
    ])
    const later = ['_bucket{le="1"} 2', '_bucket{le="+Inf"} 3', '_sum 4', '_count 3']
    assert.deepEqual(
      await linesOf(accept, seconds),
      later.map((line) => `test_seconds${line}`),
    )
  }
})

test('HELP and TYPE stand there once, however many series there are', async () => {
  let series = 350
  const spec: MetricSpec = {
    ...gauge('test_many', 'Many.', () => null),
    labels: ['i'],
    collect(emit) {
      for (let i = 0; i < series; i++) emit([String(i)], i)
    },
  }
  const expected = (): string[] =>
    Array.from({ length: series }, (_, i) => `test_many{i="${i}"} ${i}`)
  assert.deepEqual(await linesOf('', spec), expected())
  series = 500
  const { body } = await exposition('', [spec])
  assert.deepEqual(body.trimEnd().split('\n'), [
    '# HELP test_many Many.',
    '# TYPE test_many gauge',
    ...expected(),
  ])
})

test('what came while prom-client wrote is there as well', async () => {
  let reads = 0
  const spec: MetricSpec = {
    ...gauge('test_growing', 'It grows.', () => null),
    labels: ['i'],
    collect(emit) {
      reads++
      for (let i = 0; i < Math.min(reads, 3); i++) emit([String(i)], reads)
    },
  }
  assert.deepEqual(await linesOf('', spec), [
    'test_growing{i="0"} 4',
    'test_growing{i="1"} 4',
    'test_growing{i="2"} 4',
  ])
})

test('numbers that are none are spelt as Prometheus spells them', async () => {
  const values = [NaN, Infinity, -Infinity, 0.1, -1]
  const spec = (value: number): MetricSpec => gauge('test_number', 'A number.', () => value)
  const lines = await Promise.all(values.map((value) => linesOf('', spec(value))))
  assert.deepEqual(
    lines.flat().map((line) => line.split(' ')[1]),
    ['NaN', '+Inf', '-Inf', '0.1', '-1'],
  )
})

test('series that are gone are forgotten', () => {
  let names: readonly string[] = Array.from({ length: 100 }, (_, i) => `n${i}`)
  const metric = new RenderedMetric({
    name: 'test_names',
    help: '',
    type: 'gauge',
    labels: ['name'],
    collect: (emit) => names.forEach((name) => emit([name], 1)),
  })
  const learn = (): number => {
    const { unknown } = metric.read()
    const text = unknown.map((_, i) => `\nnew ${i} 0`).join('')
    metric.learn(unknown, `# HELP\n# TYPE${text}`)
    return unknown.length
  }
  assert.equal(learn(), 100)
  assert.equal(metric.head, '# HELP\n# TYPE')
  names = ['n7']
  assert.equal(learn(), 0)
  assert.equal(textOf(metric.read(), 0, 10), '\nnew 7 1')
  names = ['n7', 'n8']
  assert.equal(learn(), 1, 'it was forgotten with the others')
})
