import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseArgs } from '../../src/options/options.ts'

test('top shows one interval a second, of the daemon that it finds', () => {
  assert.deepEqual(parseArgs(['top']), {
    kind: 'top',
    options: { socket: '', intervalMs: 1_000, once: false, json: false },
  })
})

test('top takes its flags', () => {
  const argv = ['top', '--socket', '/run/x/admin.sock', '-interval', '500ms', '--once', '--json']
  assert.deepEqual(parseArgs(argv), {
    kind: 'top',
    options: { socket: '/run/x/admin.sock', intervalMs: 500, once: true, json: true },
  })
})

test('top prints its own flags', () => {
  const told = parseArgs(['top', '-h'])
  assert.ok(told.kind === 'help')
  assert.match(told.text, /^Usage:\ndnslet top \[flags\]/)
  assert.match(told.text, /--interval/)
})

for (const [argv, message] of [
  [['--interval', '0'], /^dnslet top: "0" is no value for -interval: the least is 0.2 s/],
  [['--interval', 'x'], /^dnslet top: "x" is no value for -interval: want seconds/],
  [['--interval', '1e9'], /^dnslet top: "1e9" is no value for -interval/],
  [['--interval', '7200'], /the most is 3600 s/],
  [['--sockets', 'x'], /^dnslet top: there is no flag -sockets \(did you mean -socket\?\)/],
  [['now'], /^dnslet top: "now" is too much/],
  [['--once=maybe'], /want true or false/],
] as const) {
  test(`top refuses ${argv.join(' ')}`, () => {
    const refused = parseArgs(['top', ...argv])
    assert.ok(refused.kind === 'usage-error')
    assert.equal(refused.exitCode, 2)
    assert.match(refused.message, message)
  })
}
