import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '../../../src/plugins/ready/config.ts'
import { directivesOf } from '../../helpers/directives.ts'

const read = (lines: string): ReturnType<typeof readConfig> =>
  readConfig(directivesOf('ready', lines))

test('a bare ready directive listens on :8181, as CoreDNS does, and asks until ready', () => {
  assert.deepEqual(read('ready'), { address: ':8181', continuously: false })
})

test('address and monitor are read', () => {
  assert.deepEqual(read('ready :8181 {\nmonitor until-ready\n}'), {
    address: ':8181',
    continuously: false,
  })
  assert.equal(read('ready {\nmonitor continuously\n}').continuously, true)
})

test('a port that is missing, as with a variable that is not set, is any, with a warning', () => {
  const warnings: string[] = []
  const { address } = readConfig(directivesOf('ready', 'ready :'), (line) => warnings.push(line))
  assert.equal(address, ':0')
  assert.match(warnings[0]!, /^Corefile:2 - ':' has no port/)
})

const wrong = 'Error during parsing: Wrong argument count or unexpected line ending after'
for (const [lines, message] of [
  ['ready 8181', 'Corefile:2 - plugin/ready: address 8181: missing port in address'],
  ['ready :1 :2', `plugin/ready: Corefile:2 - ${wrong} ':2'`],
  ['ready\nready', 'Corefile:3 - plugin/ready: this plugin can only be used once per Server Block'],
  ['ready {\nmonitor\n}', `plugin/ready: Corefile:3 - ${wrong} 'monitor'`],
  [
    'ready {\nmonitor often\n}',
    "plugin/ready: Corefile:3 - Error during parsing: monitor type 'often' not supported",
  ],
  [
    'ready {\nwatch x\n}',
    "plugin/ready: Corefile:3 - Error during parsing: unknown property 'watch'",
  ],
] as const) {
  test(`refuses: ${lines.replaceAll('\n', ' ⏎ ')}`, () => {
    assert.throws(() => read(lines), { name: 'CorefileError', message })
  })
}
