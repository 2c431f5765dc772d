import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig, type TraceConfig } from '../../../src/plugins/trace/config.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'

const read = (lines: string): TraceConfig => readConfig(directivesOf('trace', lines))

const defaults: TraceConfig = {
  type: 'zipkin',
  url: 'http://localhost:9411/api/v2/spans',
  every: 1,
  service: 'dnslet',
  backlog: 1000,
  batch: 100,
  interval: 1000,
  analyticsRate: 0,
}

test('every form of the directive', () => {
  const rows: readonly (readonly [string, Partial<TraceConfig>])[] = [
    ['trace', {}],
    ['trace host:9411', { url: 'http://host:9411/api/v2/spans' }],
    ['trace zipkin host:9411', { url: 'http://host:9411/api/v2/spans' }],
    ['trace ZIPKIN host', { url: 'http://host/api/v2/spans' }],
    ['trace http://host:1/a/b', { url: 'http://host:1/a/b' }],
    ['trace otlp host:4318', { type: 'otlp', url: 'http://host:4318/v1/traces' }],
    ['trace otlp https://host/x', { type: 'otlp', url: 'https://host/x' }],
    ['trace otlp [::1]:4318', { type: 'otlp', url: 'http://[::1]:4318/v1/traces' }],
    ['trace {\nevery 100\n}', { every: 100 }],
    ['trace {\nevery 0\n}', { every: 0 }],
    ['trace {\nservice node-dns\n}', { service: 'node-dns' }],
    ['trace {\nclient_server\n}', {}],
    ['trace {\nclient_server false\n}', {}],
    [
      'trace {\nzipkin_max_backlog_size 10\nzipkin_max_batch_size 5\nzipkin_max_batch_interval 50ms\n}',
      { backlog: 10, batch: 5, interval: 50 },
    ],
    [
      'trace {\nzipkin_max_backlog_size 0\nzipkin_max_batch_size 0\nzipkin_max_batch_interval 0s\n}',
      {},
    ],
    ['trace a:1\ntrace b:2', { url: 'http://b:2/api/v2/spans' }],
    [
      'trace DataDog h:8126 {\ndatadog_analytics_rate 0.5\n}',
      { type: 'datadog', url: 'http://h:8126/v0.3/traces', analyticsRate: 0.5 },
    ],
    ['trace {\ndatadog_analytics_rate\n}', {}],
  ]
  for (const [lines, given] of rows) {
    assert.deepEqual(read(lines), { ...defaults, ...given }, lines)
  }
})

test('what is refused, and why', () => {
  const rows: readonly (readonly [lines: string, line: number, reason: string])[] = [
    ['trace a b c', 2, "Wrong argument count or unexpected line ending after 'c'"],
    ['trace foobar host', 2, "tracing endpoint type 'foobar' is not supported"],
    ['trace {\nevery\n}', 3, "Wrong argument count or unexpected line ending after 'every'"],
    ['trace {\nevery x\n}', 3, 'strconv.ParseUint: parsing "x": invalid syntax'],
    ['trace {\nservice a b\n}', 3, "Wrong argument count or unexpected line ending after 'b'"],
    ['trace {\nclient_server maybe\n}', 3, 'strconv.ParseBool: parsing "maybe": invalid syntax'],
    ['trace {\nzipkin_max_batch_size x\n}', 3, 'strconv.Atoi: parsing "x": invalid syntax'],
    ['trace {\nzipkin_max_backlog_size -1\n}', 3, 'must not be negative'],
    ['trace {\nzipkin_max_batch_interval -1s\n}', 3, 'must not be negative'],
    [
      'trace {\ndatadog_analytics_rate 1.5\n}',
      3,
      "datadog analytics rate must be between 0 and 1, '1.500000' is not supported",
    ],
    ['trace {\ndatadog_analytics_rate x\n}', 3, 'strconv.ParseFloat: parsing "x": invalid syntax'],
    ['trace {\nnosuch\n}', 3, "unknown property 'nosuch'"],
  ]
  for (const [lines, line, reason] of rows) {
    const said = messageOf(() => read(lines)) ?? ''
    assert.match(
      said,
      new RegExp(`^plugin/trace: Corefile:${line} - |^Corefile:${line} - plugin/trace: `),
    )
    assert.ok(said.endsWith(reason), `${lines}: ${said}`)
  }
})

test('an endpoint that is none is told of', () => {
  for (const lines of ['trace otlp http://', 'trace host:x']) {
    const said: string[] = []
    readConfig(directivesOf('trace', lines), (message) => said.push(message))
    assert.match(
      said.join(),
      /^Corefile:2 - tracing endpoint ".*" is no URL and no HOST:PORT: no span /,
    )
  }
})
