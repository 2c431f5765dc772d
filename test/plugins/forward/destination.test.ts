import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  type Destination,
  type Manner,
  readDestination,
} from '../../../src/plugins/forward/destination.ts'

const destination = (text: string): Destination =>
  readDestination({ text, file: 'Corefile', line: 1 }, (path) => path.includes('exists'))

const plain: Manner = { scheme: 'dns', serverName: null }

const address = (host: string, port = 53, manner = plain): Destination => ({
  kind: 'address',
  endpoint: { host, port },
  ...manner,
})

test('readDestination() knows addresses, files and names apart', () => {
  const cases: readonly (readonly [string, Destination])[] = [
    ['192.0.2.1', address('192.0.2.1')],
    ['192.0.2.1:5353', address('192.0.2.1', 5353)],
    ['dns://192.0.2.1', address('192.0.2.1')],
    ['fd00::1', address('fd00::1')],
    ['[fd00::1]', address('fd00::1')],
    ['[fd00::1]:54', address('fd00::1', 54)],
    ['[192.0.2.1]', address('192.0.2.1')],
    ['[192.0.2.1]:54', address('192.0.2.1', 54)],
    ['[fd00::1', address('fd00::1')],
    ['fe80::1%eth0', address('fe80::1%eth0')],
    ['/etc/exists', { kind: 'file', path: '/etc/exists', ...plain }],
    ['exists.conf', { kind: 'file', path: 'exists.conf', ...plain }],
    ['dns.example', { kind: 'name', host: 'dns.example', port: 53, ...plain }],
    ['dns.example.:5353', { kind: 'name', host: 'dns.example.', port: 5353, ...plain }],
    ['localhost', { kind: 'name', host: 'localhost', port: 53, ...plain }],
    ['192.0.2.1%eth0', address('192.0.2.1', 53, plain)],
    ['192.0.2.1%eth0:5353', address('192.0.2.1', 5353, plain)],
    ['name_server_1.example', { kind: 'name', host: 'name_server_1.example', port: 53, ...plain }],
  ]
  for (const [text, want] of cases) assert.deepEqual(destination(text), want, text)
})

test('readDestination() knows what is encrypted, and who has to answer', () => {
  const tls = (serverName: string | null = null): Manner => ({ scheme: 'tls', serverName })
  const https = (serverName: string | null = null): Manner => ({ scheme: 'https', serverName })
  const cases: readonly (readonly [string, Destination])[] = [
    ['tls://192.0.2.1', address('192.0.2.1', 853, tls())],
    ['tls://192.0.2.1:10853', address('192.0.2.1', 10_853, tls())],
    ['tls://192.0.2.1%dns.example', address('192.0.2.1', 853, tls('dns.example'))],
    ['tls://192.0.2.1%dns.example:854', address('192.0.2.1', 854, tls('dns.example'))],
    ['tls://192.0.2.1%', address('192.0.2.1', 853, tls())],
    ['tls://fd00::1', address('fd00::1', 853, tls())],
    ['tls://fe80::1%dns.example', address('fe80::1', 853, tls('dns.example'))],
    ['tls://fe80::1%eth0%dns.example', address('fe80::1%eth0', 853, tls('dns.example'))],
    ['tls://[fd00::1%dns.example]:854', address('fd00::1', 854, tls('dns.example'))],
    ['tls://[fd00::1%dns.example]', address('fd00::1', 853, tls('dns.example'))],
    ['tls://[fd00::1]:853', address('fd00::1', 853, tls())],
    ['tls://dns.example', { kind: 'name', host: 'dns.example', port: 853, ...tls('dns.example') }],
    [
      'tls://a.example%b.example:8',
      { kind: 'name', host: 'a.example', port: 8, ...tls('b.example') },
    ],
    ['https://192.0.2.1', address('192.0.2.1', 443, https())],
    ['https://192.0.2.1%dns.example:444', address('192.0.2.1', 444, https('dns.example'))],
    ['https://[fd00::1]:444', address('fd00::1', 444, https())],
  ]
  for (const [text, want] of cases) assert.deepEqual(destination(text), want, text)
  for (const text of ['tls://', 'tls://%dns.example', 'tls://[::1%a]b:853', 'https://a..b']) {
    assert.throws(() => destination(text), { message: /not an IP address, file, or valid domain/ })
  }
})

test('the servers of a file are asked in plain, whatever stands before its name', () => {
  const said: string[] = []
  const token = { text: 'tls:///etc/exists', file: 'Corefile', line: 1 }
  const read = readDestination(
    token,
    () => true,
    (message) => void said.push(message),
  )
  assert.deepEqual(read, { kind: 'file', path: '/etc/exists', ...plain })
  assert.deepEqual(said, [
    "Corefile:1 - the servers that '/etc/exists' names are asked without tls",
  ])
})

test('readDestination() refuses what is none of them', () => {
  const label = 'a'.repeat(64)
  for (const text of [
    '10.1',
    '1.2.3.4.5',
    '-a.test',
    '__CLUSTER_IP__',
    label,
    'a..b',
    '',
    ':53',
    'a:b:c',
  ]) {
    assert.throws(() => destination(text), {
      message: /not an IP address, file, or valid domain: /,
    })
  }
})

test('an address with a port that is none stands for nobody, and that is said', () => {
  const nobody = address('127.0.0.1', 9)
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
