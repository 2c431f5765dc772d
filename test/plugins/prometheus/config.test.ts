import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '../../../src/plugins/prometheus/config.ts'
import { directivesOf } from '../../helpers/directives.ts'

const read = (lines: string): ReturnType<typeof readConfig> =>
  readConfig(directivesOf('prometheus', lines))

test('a bare prometheus directive listens on 127.0.0.1:9153', () => {
  assert.deepEqual(read('prometheus'), { address: '127.0.0.1:9153', runtimeMetrics: false })
})

test('address and runtime_metrics are read', () => {
  assert.equal(read('prometheus :9253').address, ':9253')
  assert.equal(read('prometheus localhost:9153').address, 'localhost:9153')
  assert.equal(read('prometheus [::1]:9253').address, '[::1]:9253')
  assert.equal(read('prometheus {\nruntime_metrics\n}').runtimeMetrics, true)
})

const wrong = 'Error during parsing: Wrong argument count or unexpected line ending after'
for (const [lines, message] of [
  ['prometheus 9153', 'Corefile:2 - plugin/prometheus: address 9153: missing port in address'],
  ['prometheus :1 :2', `plugin/prometheus: Corefile:2 - ${wrong} ':2'`],
  [
    'prometheus\nprometheus :2',
    'Corefile:3 - plugin/prometheus: this plugin can only be used once per Server Block',
  ],
  ['prometheus {\nruntime_metrics x\n}', `plugin/prometheus: Corefile:3 - ${wrong} 'x'`],
  [
    'prometheus {\nfoo\n}',
    'plugin/prometheus: Corefile:3 - Error during parsing: unknown option: foo',
  ],
  [
    'prometheus {\ntls cert.pem key.pem\n}',
    'plugin/prometheus: Corefile:3 - Error during parsing: ' +
      'tls is not part of this release: metrics are served over plain HTTP',
  ],
] as const) {
  test(`refuses: ${lines.replaceAll('\n', ' ⏎ ')}`, () => {
    assert.throws(() => read(lines), { name: 'CorefileError', message })
  })
}

test('an address that cannot be opened is accepted, as in CoreDNS, and warned of', () => {
  for (const [text, address, warning] of [
    [
      '127.0.0.1:bad',
      '127.0.0.1:bad',
      "'bad' is no port: metrics cannot be served on '127.0.0.1:bad'",
    ],
    ['[::1]:99999', '[::1]:99999', "'99999' is no port: metrics cannot be served on '[::1]:99999'"],
    [
      'localhost:',
      'localhost:0',
      "'localhost:' has no port: the kernel chooses one that nobody knows",
    ],
  ] as const) {
    const said: string[] = []
    const directives = directivesOf('prometheus', `prometheus ${text}`)
    assert.equal(readConfig(directives, (message) => void said.push(message)).address, address)
    assert.deepEqual(said, [`Corefile:2 - ${warning}`])
  }
})
