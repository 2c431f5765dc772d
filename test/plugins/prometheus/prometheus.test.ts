import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { panicked } from '../../../src/daemon/panics.ts'
import { prometheus } from '../../../src/plugins/prometheus/index.ts'
import { recordDropped } from '../../../src/serve/query-counters.ts'
import { Protocol, Query } from '../../../src/serve/query.ts'
import { Server } from '../../../src/serve/server.ts'
import { registerMetrics } from '../../../src/telemetry/metrics.ts'
import { traceStacks } from '../../../src/telemetry/stack-traces.ts'
import { Class, Rcode, Type } from '../../../src/wire/codes.ts'
import { allMetrics } from '../../helpers/metrics.ts'
import { freePort } from '../../helpers/ports.ts'
import { answerWith, RecordedLog, TestBlock, TestClient } from '../../telemetry/block.ts'
import { scrape, type Scrape, valueOf } from '../../telemetry/scrape.ts'
import { a, message, opt } from '../../wire/message.ts'

registerMetrics(allMetrics())

const TIME =
  '0.00025 0.0005 0.001 0.002 0.004 0.008 0.016 0.032 0.064 0.128 0.256 0.512 1.024 2.048 4.096 8.192 +Inf'
const SIZE = '0 100 200 300 400 511 1023 2047 4095 8291 16000 32000 48000 64000 +Inf'
const SLIM = '0.00025 0.0025 0.025 0.25 2.5 +Inf'

/** CoreDNS's table: name, type, labels, buckets. */
const table: readonly (readonly [name: string, type: string, labels: string, buckets?: string])[] =
  [
    ['coredns_build_info', 'gauge', 'version revision goversion'],
    ['coredns_panics_total', 'counter', ''],
    ['coredns_plugin_enabled', 'gauge', 'server zone view name'],
    ['coredns_dns_requests_total', 'counter', 'server zone view proto family type'],
    ['coredns_dns_do_requests_total', 'counter', 'server zone view'],
    ['coredns_dns_request_duration_seconds', 'histogram', 'server zone view', TIME],
    ['coredns_dns_request_size_bytes', 'histogram', 'server zone view proto', SIZE],
    ['coredns_dns_response_size_bytes', 'histogram', 'server zone view proto', SIZE],
    ['coredns_dns_responses_total', 'counter', 'server zone view rcode plugin'],
    ['coredns_health_request_duration_seconds', 'histogram', '', SLIM],
    ['coredns_health_request_failures_total', 'counter', ''],
    ['process_cpu_seconds_total', 'counter', ''],
    ['process_max_fds', 'gauge', ''],
    ['process_open_fds', 'gauge', ''],
    ['process_resident_memory_bytes', 'gauge', ''],
    ['process_virtual_memory_bytes', 'gauge', ''],
    ['process_virtual_memory_max_bytes', 'gauge', ''],
    ['process_start_time_seconds', 'gauge', ''],
    ['process_network_receive_bytes_total', 'counter', ''],
    ['process_network_transmit_bytes_total', 'counter', ''],
    ['promhttp_metric_handler_requests_total', 'counter', 'code'],
    ['promhttp_metric_handler_requests_in_flight', 'gauge', ''],
  ]

const identity = { name: 'dns://169.254.20.10:53', index: 3 }
const labels = { server: identity.name, zone: 'cluster.local.', view: '' }
const success = answerWith({ answer: [a('www.cluster.local')] }, 'cache')

function newBlock(port: number, zones: readonly string[] = ['cluster.local.']): TestBlock {
  const wrap = { wrap: (next: (q: Query) => void) => next }
  return new TestBlock(prometheus, `prometheus 127.0.0.1:${port}`, {
    zones,
    identity,
    below: [
      { name: 'errors', stage: { observe: () => {} } },
      { name: 'cache', stage: wrap },
      { name: 'bind', stage: { addresses: ['127.0.0.1'] } },
    ],
  })
}

describe('/metrics', async () => {
  const port = await freePort()
  let seen: Scrape

  test('it has the metrics of CoreDNS, with their types, labels and buckets', async (t) => {
    const block = newBlock(port)
    await block.start(t)
    block.ask('www.cluster.local', success, { dnssecOk: true })
    seen = await scrape(port)
    for (const [name, type, labelNames, buckets] of table) {
      assert.equal(seen.types.get(name), type, name)
      const suffix = type === 'histogram' ? '_count' : ''
      const found = seen.series.filter((one) => one.name === name + suffix)
      assert.ok(found.length > 0, `${name} has a sample`)
      for (const one of found) {
        assert.deepEqual(
          Object.keys(one.labels),
          labelNames.split(' ').filter(Boolean).sort(),
          name,
        )
      }
      if (buckets === undefined) continue
      const { le: _le, ...first } = seen.series.find((one) => one.name === `${name}_bucket`)!.labels
      const bounds = seen.series
        .filter((one) => one.name === `${name}_bucket`)
        .filter((one) => Object.entries(first).every(([k, v]) => one.labels[k] === v))
        .map((one) => one.labels['le'])
      assert.equal(bounds.join(' '), buckets, name)
    }
  })

  test('names and help texts are what Prometheus wants of them', () => {
    for (const { name, help, type } of allMetrics()) {
      assert.match(name, /^(coredns|dnslet|process|nodejs|promhttp)_[a-z0-9_]+$/)
      assert.ok(help.endsWith('.') || help.includes(';'), `${name}: ${help}`)
      assert.equal(name.endsWith('_total'), type === 'counter', name)
    }
  })
})

test('a query is counted under its server, zone, protocol, family and type', async (t) => {
  const port = await freePort()
  const block = newBlock(port)
  await block.start(t)
  const before = await scrape(port)
  const client = new TestClient(Protocol.Tcp, 'fd00::1')
  block.ask('WWW.cluster.local', success, { type: Type.AAAA, client })
  block.ask('x.cluster.local', success, { type: 65_280, client })
  const after = await scrape(port)
  for (const [type, six] of [
    ['AAAA', '2'],
    ['other', '2'],
  ] as const) {
    const which = { ...labels, proto: 'tcp', family: six, type }
    assert.equal(valueOf(before, 'coredns_dns_requests_total', which), undefined)
    assert.equal(valueOf(after, 'coredns_dns_requests_total', which), 1)
  }
  const size = (name: string): number | undefined =>
    valueOf(after, `${name}_sum`, { ...labels, proto: 'tcp' })
  assert.equal(size('coredns_dns_request_size_bytes'), 35 + 33)
  assert.equal(
    size('coredns_dns_response_size_bytes'),
    client.replies.reduce((n, r) => n + r.length, 0),
  )
})

test('responses are counted by rcode and by the plugin that made them', async (t) => {
  const port = await freePort()
  const block = newBlock(port, ['responses.test.'])
  await block.start(t)
  block.ask('a.responses.test', success)
  block.ask('a.responses.test', success)
  block.ask('b.responses.test', answerWith({ flags: 0x8183 }))
  block.ask('c.responses.test', (q) => q.fail(Rcode.ServFail, 'timeout'))
  block.ask('c.responses.test', (q) => q.fail(12))
  const { series } = await scrape(port)
  const found = series
    .filter((one) => one.name === 'coredns_dns_responses_total')
    .filter((one) => one.labels['zone'] === 'responses.test.')
    .map((one) => `${one.labels['rcode']} "${one.labels['plugin']}" ${one.value}`)
  assert.deepEqual(found, [
    'NOERROR "cache" 2',
    'NXDOMAIN "forward" 1',
    'SERVFAIL "" 1',
    'RCODE12 "" 1',
  ])
})

test('the zone is the longest of the block that holds the name', async (t) => {
  const port = await freePort()
  const block = newBlock(port, ['zones.test.', 'in.zones.test.'])
  await block.start(t)
  for (const name of ['a.zones.test', 'IN.zones.test', 'b.in.zones.test']) block.ask(name, success)
  const after = await scrape(port)
  const count = (zone: string): number | undefined =>
    valueOf(after, 'coredns_dns_request_duration_seconds_count', { zone })
  assert.deepEqual([count('zones.test.'), count('in.zones.test.')], [1, 2])
})

test('durations are measured by the clock, the DO bit by the query', async (t) => {
  const port = await freePort()
  const block = newBlock(port, ['slow.test.'])
  await block.start(t)
  for (const ms of [0, 0.3, 2_000]) {
    const answer = (q: Query): void => {
      success(q)
      block.clock.advance(ms)
    }
    block.ask('a.slow.test', answer, { dnssecOk: ms > 0 })
  }
  const after = await scrape(port)
  const bucket = (le: string): number | undefined =>
    valueOf(after, 'coredns_dns_request_duration_seconds_bucket', { zone: 'slow.test.', le })
  assert.deepEqual(
    [bucket('0.00025'), bucket('0.0005'), bucket('1.024'), bucket('2.048')],
    [1, 2, 2, 3],
  )
  assert.equal(valueOf(after, 'coredns_dns_do_requests_total', { zone: 'slow.test.' }), 2)
})

test('counters go on over a reload, and no series occurs twice while it is under way', async (t) => {
  const port = await freePort()
  const old = newBlock(port, ['reload.test.'])
  await old.start(t)
  old.ask('a.reload.test', success)
  const next = newBlock(port, ['reload.test.'])
  await next.start(t)
  next.ask('a.reload.test', success)
  const both = await scrape(port)
  assert.equal(
    valueOf(both, 'coredns_dns_request_duration_seconds_count', { zone: 'reload.test.' }),
    2,
  )
  await old.stage.stop?.(false)
  const enabled = { server: identity.name, zone: 'reload.test.', view: '' }
  const name = 'coredns_plugin_enabled'
  const after = await scrape(port)
  const names = after.series
    .filter((one) => one.name === name && one.labels['zone'] === 'reload.test.')
    .map((one) => one.labels['name'])
  assert.deepEqual(names, ['prometheus', 'errors', 'cache', 'test'])
  assert.equal(valueOf(after, name, { ...enabled, name: 'cache' }), 1)
})

test('queries that the server answers itself are counted under zone "dropped"', async (t) => {
  const port = await freePort()
  await newBlock(port).start(t)
  const server = new Server({
    identity: { name: 'dns://:5301', index: 7 },
    zones: new Map([['only.test.', { handler: () => {} }]]),
    allClasses: false,
    rejected: recordDropped,
    panicked: () => {},
  })
  const client = new TestClient()
  const refused = [
    message({ name: 'other.test', flags: 0x0100 }),
    message({ name: 'only.test', class: Class.CH, flags: 0x0100 }),
    message({ name: 'only.test', flags: 0x2000 }),
    message({ name: 'only.test', flags: 0x0100, additional: [opt({ version: 1 })] }),
    message({ name: 'only.test', flags: 0x0100 }).subarray(0, 20),
  ]
  for (const wire of refused) {
    const q = new Query(client)
    q.reset(wire, wire.length, 0)
    server.dispatch(q)
  }
  const after = await scrape(port)
  const dropped = { server: 'dns://:5301', zone: 'dropped', view: '' }
  const responses = after.series
    .filter((one) => one.name === 'coredns_dns_responses_total')
    .filter((one) => one.labels['server'] === 'dns://:5301')
    .map(({ labels: { zone, rcode, plugin }, value }) => `${zone} ${rcode} "${plugin}" ${value}`)
  assert.deepEqual(responses.toSorted(), [
    'dropped BADVERS "" 1',
    'dropped FORMERR "" 1',
    'dropped NOTIMP "" 1',
    'dropped REFUSED "" 2',
  ])
  const requests = (type: string): number | undefined =>
    valueOf(after, 'coredns_dns_requests_total', { ...dropped, type })
  assert.deepEqual([requests('A'), requests('other')], [4, 1])
})

test('panics are counted and logged, with their stack where it was asked for', async (t) => {
  const port = await freePort()
  await newBlock(port).start(t)
  const before = valueOf(await scrape(port), 'coredns_panics_total') ?? Number.NaN
  const log = new RecordedLog()
  const q = new Query(new TestClient())
  q.server = { name: 'dns://:5302', index: 8 }
  panicked(log, new Error('unexpected'), q)
  panicked(log, 'thrown text', q)
  const stop = traceStacks('dns://:5302')
  panicked(log, new Error('traced'), q)
  stop()
  const prefix = 'error Recovered from panic in server: "dns://:5302"'
  assert.deepEqual(log.texts.slice(0, 2), [`${prefix} unexpected`, `${prefix} thrown text`])
  assert.match(log.texts[2] ?? '', /^error Recovered.* traced\nError: traced\n +at /)
  assert.equal(valueOf(await scrape(port), 'coredns_panics_total'), before + 3)
})

test('build information names the versions', async (t) => {
  const port = await freePort()
  await newBlock(port).start(t)
  const { series } = await scrape(port)
  const build = series.find(({ name }) => name === 'dnslet_build_info')?.labels
  assert.match(build?.['version'] ?? '', /^\d+\.\d+\.\d+/)
  assert.equal(build?.['nodeversion'], process.version)
})

test('an address in use is logged, and the start goes on', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => void other.close())
  const { port } = other.address() as { port: number }
  const block = newBlock(port)
  await block.start(t)
  assert.deepEqual(block.log.texts, [
    `error plugin/prometheus: Failed to start metrics handler: Cannot listen on 127.0.0.1:${port}: ` +
      'the address is in use: stop the program that uses it or configure another address',
  ])
})

test('runtime_metrics adds those of Node that cost something all the time', async (t) => {
  const port = await freePort()
  const lines = `prometheus 127.0.0.1:${port} {\nruntime_metrics\n}`
  const block = new TestBlock(prometheus, lines)
  await newBlock(port).start(t)
  assert.equal((await scrape(port)).types.has('nodejs_eventloop_lag_p99_seconds'), false)
  await block.start(t)
  assert.equal((await scrape(port)).types.get('nodejs_eventloop_lag_p99_seconds'), 'gauge')
  assert.deepEqual(block.stage.describe?.(), [`127.0.0.1:${port}`, 'runtime_metrics'])
})
