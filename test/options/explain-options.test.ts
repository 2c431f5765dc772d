import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Command, parseArgs } from '../../src/options/options.ts'

const parse = (...words: readonly string[]): Command => parseArgs(['explain', ...words])

test('a name, a type and flags, in any order', () => {
  assert.deepEqual(parse('WWW.example.org'), {
    kind: 'explain',
    options: {
      name: 'www.example.org.',
      typed: 'WWW.example.org',
      type: 'A',
      ask: false,
      json: false,
      socket: '',
    },
  })
  const all = parse('-ask', 'a.test.', '--json', 'aaaa', '--socket=/run/x/admin.sock')
  assert.ok(all.kind === 'explain')
  const { ask, json, name, socket, type } = all.options
  assert.deepEqual(
    [ask, json, name, socket, type],
    [true, true, 'a.test.', '/run/x/admin.sock', 'AAAA'],
  )
})

test('help, and refusals in a line', () => {
  const help = parse('-h')
  assert.ok(help.kind === 'help' && help.text.includes('dnslet explain NAME [TYPE]'))
  for (const [words, message] of [
    [[], /^dnslet explain: name what is to be explained: dnslet explain NAME\n/],
    [['a..b'], /"a\.\.b" is no domain name/],
    [['x'.repeat(64)], /is no domain name/],
    [['a', 'A', 'b'], /"b" is too much/],
    [['a', '-soket', 'x'], /there is no flag -soket \(did you mean -socket\?\)/],
  ] as const) {
    const refused = parse(...words)
    assert.ok(refused.kind === 'usage-error' && refused.exitCode === 2)
    assert.match(refused.message, message)
  }
})
