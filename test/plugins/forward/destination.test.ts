import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type Destination, readDestination } from '../../../src/plugins/forward/destination.ts'

const destination = (text: string): Destination =>
  readDestination({ text, file: 'Corefile', line: 1 }, (path) => path.includes('exists'))

const address = (host: string, port = 53): Destination => ({
  kind: 'address',
  endpoint: { host, port },
})

test('readDestination() knows addresses, files and names apart', () => {
  const cases: readonly (readonly [string, Destination])[] = [
    ['192.0.2.1', address('192.0.2.1')],
    ['192.0.2.1:5353', address('192.0.2.1', 5353)],
    ['dns://192.0.2.1', address('192.0.2.1')],
    ['fd00::1', address('fd00::1')],
    ['[fd00::1]', address('fd00::1')],
    ['[fd00::1]:54', address('fd00::1', 54)],
    ['fe80::1%eth0', address('fe80::1%eth0')],
    ['/etc/exists', { kind: 'file', path: '/etc/exists' }],
    ['exists.conf', { kind: 'file', path: 'exists.conf' }],
    ['dns.example', { kind: 'name', host: 'dns.example', port: 53 }],
    ['dns.example.:5353', { kind: 'name', host: 'dns.example.', port: 5353 }],
    ['localhost', { kind: 'name', host: 'localhost', port: 53 }],
  ]
  for (const [text, want] of cases) assert.deepEqual(destination(text), want, text)
})

test('readDestination() refuses what is none of them', () => {
  const label = 'a'.repeat(64)
  for (const text of [
    '10.1',
    '1.2.3.4.5',
    '-a.test',
    'a_b',
    label,
    'a..b',
    '',
    ':53',
    '[::1',
    'a:b:c',
  ]) {
    assert.throws(() => destination(text), {
      message: /not an IP address, file, or valid domain: /,
    })
  }
})

test('an address with a port that is none stands for nobody, and that is said', () => {
  const nobody: Destination = { kind: 'address', endpoint: { host: '127.0.0.1', port: 9 } }
  for (const [text, port] of [
    ['192.0.2.1:0', '0'],
    ['192.0.2.1:99999', '99999'],
    ['192.0.2.1:', ''],
    ['[fd00::1]:x', 'x'],
    ['dns://192.0.2.1:x', 'x'],
  ] as const) {
    const said: string[] = []
    const token = { text, file: 'Corefile', line: 1 }
    const read = readDestination(
      token,
      () => false,
      (message) => void said.push(message),
    )
    assert.deepEqual(read, nobody)
    assert.deepEqual(said, [
      `Corefile:1 - '${port}' is no port: nothing sent to '${text}' will be answered`,
    ])
  }
})
