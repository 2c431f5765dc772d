import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Histogram } from '../../src/lib/counters.ts'
import { gauge, type MetricSpec } from '../../src/lib/metrics.ts'
import {
  enableRuntimeMetrics,
  exposition,
  registeredMetrics,
  registerMetrics,
} from '../../src/telemetry/metrics.ts'

const run = promisify(execFile)
const metricsModule = new URL('../../src/telemetry/metrics.ts', import.meta.url).href

const histogram = new Histogram([0.001, 0.5])
registerMetrics([
  {
    name: 'dnslet_test_queries_total',
    help: 'A counter.',
    type: 'counter',
    labels: ['server', 'rcode'],
    collect(emit) {
      emit(['dns://:53', 'NOERROR'], 3)
      emit(['dns://:53', 'a"b\\c'], 1)
    },
  },
  {
    name: 'dnslet_test_duration_seconds',
    help: 'A histogram.',
    type: 'histogram',
    labels: ['zone'],
    collect: (emit) => emit(['.'], histogram),
  },
  {
    name: 'dnslet_test_unused',
    help: 'A gauge without samples.',
    type: 'gauge',
    labels: ['x'],
    collect() {},
  },
])

test('exposition() writes text 0.0.4 and leaves out metrics without samples', async () => {
  histogram.observe(0.0005)
  histogram.observe(0.2)
  histogram.observe(7)
  const { contentType, body } = await exposition('*/*')
  assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8')
  assert.ok(body.includes('# TYPE dnslet_test_queries_total counter\n'))
  assert.ok(body.includes('dnslet_test_queries_total{rcode="NOERROR",server="dns://:53"} 3\n'))
  assert.ok(body.includes('dnslet_test_queries_total{rcode="a\\"b\\\\c",server="dns://:53"} 1\n'))
  assert.deepEqual(
    body.split('\n').filter((line) => line.startsWith('dnslet_test_duration_seconds')),
    [
      'dnslet_test_duration_seconds_bucket{zone=".",le="0.001"} 1',
      'dnslet_test_duration_seconds_bucket{zone=".",le="0.5"} 2',
      'dnslet_test_duration_seconds_bucket{zone=".",le="+Inf"} 3',
      'dnslet_test_duration_seconds_sum{zone="."} 7.2005',
      'dnslet_test_duration_seconds_count{zone="."} 3',
    ],
  )
  assert.equal(body.includes('dnslet_test_unused'), false)
})

test('exposition() writes OpenMetrics to who prefers it, and text again to the next', async () => {
  const open = await exposition(
    'application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
  )
  assert.equal(open.contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  assert.ok(open.body.includes('# TYPE dnslet_test_queries counter\n'))
  assert.ok(open.body.includes('dnslet_test_queries_total{rcode="NOERROR",server="dns://:53"} 3\n'))
  assert.ok(open.body.endsWith('# EOF\n'))
  const plain = await exposition('text/plain;q=0.9,application/openmetrics-text;q=0.1')
  assert.ok(plain.body.includes('# TYPE dnslet_test_queries_total counter\n'))
})

test('of samples with the same labels the last one counts', async () => {
  const reloading: MetricSpec = {
    name: 'dnslet_test_reloading',
    help: 'A gauge of two configurations.',
    type: 'gauge',
    labels: ['x', 'y'],
    collect(emit) {
      emit(['a', 'b'], 1)
      emit(['ab', ''], 2)
      emit(['a', 'b'], 3)
    },
  }
  const { body } = await exposition('', [reloading])
  const lines = body.split('\n').filter((line) => line.startsWith('dnslet_test_reloading'))
  assert.deepEqual(lines, [
    'dnslet_test_reloading{x="a",y="b"} 3',
    'dnslet_test_reloading{x="ab",y=""} 2',
  ])
})

test('registerMetrics() refuses a name twice, and takes the place of what it was given before', async () => {
  const before = registeredMetrics()
  const spec = (): MetricSpec => gauge('dnslet_test_twice', 'A gauge.', () => 1)
  assert.throws(() => registerMetrics([spec(), spec()]), {
    name: 'RangeError',
    message: 'Cannot register metric "dnslet_test_twice": the name is taken',
  })
  assert.equal(registeredMetrics(), before)
  for (let i = 0; i < 2; i++) registerMetrics([spec()])
  const { body } = await exposition('')
  assert.deepEqual(body.match(/^\w.*$/gm), ['dnslet_test_twice 1'])
  registerMetrics(before)
})

test('of prom-client only the registry is loaded, by the first exposition and not before', async () => {
  const script = `
    const { exposition } = await import(process.argv[1])
    const { createRequire } = await import('node:module')
    const { cache } = createRequire(process.argv[1])
    const loaded = () => Object.keys(cache).filter((file) => file.includes('prom-client'))
    const before = loaded()
    await exposition('')
    console.log(before.length, loaded().map((file) => file.replace(/.*\\//, '')).join())`
  const args = ['--input-type=module', '-e', script, metricsModule]
  const { stdout } = await run(process.execPath, args)
  assert.equal(stdout, '0 registry.js,util.js\n')
})

test('enableRuntimeMetrics() adds the default metrics of prom-client, without misnamed gauges', async () => {
  assert.equal((await exposition('')).body.includes('nodejs_eventloop_lag'), false)
  enableRuntimeMetrics()
  const { body } = await exposition('')
  assert.match(body, /^nodejs_eventloop_lag_p99_seconds \S+$/m)
  assert.match(body, /^# TYPE process_heap_bytes gauge$/m)
  assert.doesNotMatch(body, /^# TYPE \S+_total gauge$/m)
})
