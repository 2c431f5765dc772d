import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '../../../src/plugins/errors/config.ts'
import { directivesOf } from '../../helpers/directives.ts'

const read = (lines: string): ReturnType<typeof readConfig> =>
  readConfig(directivesOf('errors', lines))

test('a bare errors directive consolidates nothing and traces no stacks', () => {
  for (const lines of ['errors', 'errors stdout', 'errors {\n}']) {
    assert.deepEqual(read(lines), { consolidations: [], stacktrace: false })
  }
})

test('all options are read, consolidate lines in file order', () => {
  const { consolidations, stacktrace } = read(`errors {
    consolidate 5m ".* i/o timeout$" warning
    consolidate 30s "^Failed to .+"
    consolidate 1h30m x info show_first
    consolidate 300ms y show_first
    stacktrace
  }`)
  assert.equal(stacktrace, true)
  const read4 = consolidations.map(({ pattern: _pattern, ...rest }) => rest)
  assert.deepEqual(read4, [
    { period: 300_000, source: '.* i/o timeout$', level: 'warning', showFirst: false },
    { period: 30_000, source: '^Failed to .+', level: 'error', showFirst: false },
    { period: 5_400_000, source: 'x', level: 'info', showFirst: true },
    { period: 300, source: 'y', level: 'error', showFirst: true },
  ])
  assert.ok(consolidations[0]!.pattern.test('read udp: i/o timeout'))
})

const wrong = 'Error during parsing: Wrong argument count or unexpected line ending after'
const bad: readonly (readonly [lines: string, message: string])[] = [
  ['errors stderr', 'plugin/errors: Corefile:2 - Error during parsing: invalid log file: stderr'],
  ['errors stdout x', `plugin/errors: Corefile:2 - ${wrong} 'x'`],
  [
    'errors\nerrors',
    'Corefile:3 - plugin/errors: this plugin can only be used once per Server Block',
  ],
  [
    'errors {\nfoo\n}',
    "plugin/errors: Corefile:3 - Syntax error: Unexpected token 'foo', expecting 'Unknown field foo'",
  ],
  [
    'errors {\nstacktrace x\n}',
    "plugin/errors: Corefile:3 - Syntax error: Unexpected token 'x', expecting 'Unknown field x'",
  ],
  ['errors {\nconsolidate 1s\n}', `plugin/errors: Corefile:3 - ${wrong} '1s'`],
  ['errors {\nconsolidate 1s x info show_first y\n}', `plugin/errors: Corefile:3 - ${wrong} 'y'`],
  [
    'errors {\nconsolidate 1s x loud\n}',
    'plugin/errors: Corefile:3 - Error during parsing: unknown log level argument in consolidate: loud',
  ],
  ['errors {\nconsolidate 1s x info warning\n}', `plugin/errors: Corefile:3 - ${wrong} 'warning'`],
  [
    'errors {\nconsolidate 1 x\n}',
    'Corefile:3 - plugin/errors: time: missing unit in duration "1"',
  ],
  [
    'errors {\nconsolidate 1s "("\n}',
    'Corefile:3 - plugin/errors: error parsing regexp: missing closing ): `(`',
  ],
  [
    `errors {\nconsolidate 1s ${'x'.repeat(10_001)}\n}`,
    'plugin/errors: Corefile:3 - Error during parsing: regex pattern too long in consolidate errors: 10001 > 10000',
  ],
]
for (const [lines, message] of bad) {
  test(`refuses: ${lines.replaceAll('\n', ' ⏎ ').slice(0, 60)}`, () => {
    assert.throws(() => read(lines), { name: 'CorefileError', message })
  })
}
