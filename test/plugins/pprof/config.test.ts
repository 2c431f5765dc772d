import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PprofConfig, readConfig } from '../../../src/plugins/pprof/config.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'

function read(lines: string): PprofConfig {
  return readConfig(directivesOf('pprof', lines), assert.fail)
}

test('an address and `block` are all there is', () => {
  const rows = [
    ['pprof', 'localhost:6053', false],
    ['pprof 1.2.3.4:1234', '1.2.3.4:1234', false],
    ['pprof [::1]:1234', '[::1]:1234', false],
    ['pprof :1234', ':1234', false],
    ['pprof {\n}', 'localhost:6053', false],
    ['pprof { block\n}', 'localhost:6053', true],
    ['pprof :1234 {\nblock 20\n}', ':1234', true],
    ['pprof :1234 {\nblock 0\n}', ':1234', false],
    ['pprof :1234 {\nblock -1\n}', ':1234', false],
  ] as const
  for (const [lines, address, block] of rows) {
    assert.deepEqual(read(lines), { address, block }, lines)
  }
})

test('everything else is an error with file and line', () => {
  const rows = [
    ['pprof /foo', '2 - Error during parsing: address /foo: missing port in address'],
    ['pprof :70000', '2 - Error during parsing: address :70000: invalid port'],
    [
      'pprof :1234 -1',
      "2 - Error during parsing: Wrong argument count or unexpected line ending after '-1'",
    ],
    ['pprof {\na b\n}', "3 - Error during parsing: unknown property 'a'"],
    [
      'pprof {\nblock 20 30\n}',
      "3 - Error during parsing: Wrong argument count or unexpected line ending after '30'",
    ],
    [
      'pprof {\nblock invalid\n}',
      "3 - Error during parsing: property 'block' invalid integer value 'invalid'",
    ],
  ] as const
  for (const [lines, problem] of rows) {
    assert.equal(
      messageOf(() => read(lines)),
      `plugin/pprof: Corefile:${problem}`,
      lines,
    )
  }
  assert.equal(
    messageOf(() => read('pprof\npprof')),
    'Corefile:3 - plugin/pprof: this plugin can only be used once per Server Block',
  )
})
