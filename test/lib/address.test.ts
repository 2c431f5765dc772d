import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import {
  canonicalAddress,
  isLinkLocal,
  isLinkLocalIPv6,
  isLoopback,
  isWildcard,
  joinHostPort,
  parseHostPort,
  sourceFor,
  unmapped,
} from '../../src/lib/address.ts'

describe('joinHostPort() and parseHostPort() are inverse', () => {
  const all = [
    [':9253', { host: '', port: 9253 }],
    ['127.0.0.1:9153', { host: '127.0.0.1', port: 9153 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
    ['[::1]:8080', { host: '::1', port: 8080 }],
    ['[fe80::1%eth0]:0', { host: 'fe80::1%eth0', port: 0 }],
  ] as const
  for (const [text, endpoint] of all) {
    test(text, () => {
      assert.deepEqual(parseHostPort(text), endpoint)
      assert.equal(joinHostPort(endpoint.host, endpoint.port), text)
    })
  }
})

describe('parseHostPort() rejects', () => {
  const bad = [
    ['', 'missing port in address'],
    ['8080', 'missing port in address'],
    ['[::1]', 'missing port in address'],
    ['[::1:53', "missing ']' in address"],
    ['[::1]x:53', 'missing port in address'],
    ['[::1]:5:3', 'too many colons in address'],
    ['::1:53', 'too many colons in address'],
    ['a[:53', "unexpected '[' in address"],
    ['[a[b]:53', "unexpected '[' in address"],
    ['a]:53', "unexpected ']' in address"],
    ['a:5]3', "unexpected ']' in address"],
    ['a:', 'invalid port'],
    ['a:http', 'invalid port'],
    ['a:65536', 'invalid port'],
    ['a:-1', 'invalid port'],
  ] as const
  for (const [text, reason] of bad) {
    test(`"${text}"`, () => assert.equal(parseHostPort(text), `address ${text}: ${reason}`))
  }
})

test('isWildcard() knows all spellings', () => {
  for (const host of ['', '::', '0.0.0.0', '0:0:0:0:0:0:0:0']) assert.equal(isWildcard(host), true)
  for (const host of ['::1', '127.0.0.1', '10.0.0.0']) assert.equal(isWildcard(host), false)
})

test('link-local is fe80::/10 in either case and 169.254.0.0/16, and nothing that looks like it', () => {
  for (const address of ['fe80::1', 'FE80::1%eth0', 'fe90::1', 'febf:1::']) {
    assert.deepEqual([isLinkLocalIPv6(address), isLinkLocal(address)], [true, true], address)
  }
  assert.deepEqual([isLinkLocalIPv6('169.254.20.10'), isLinkLocal('169.254.20.10')], [false, true])
  for (const address of [
    'fe8::1',
    'fec0::1',
    'fe7f::1',
    'fd00::fe80:1',
    '169.25.4.1',
    '1.169.254.1',
  ]) {
    assert.equal(isLinkLocal(address), false, address)
  }
})

test('unmapped() knows an IPv4 address in both of its IPv6 forms', () => {
  const cases = [
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['::ffff:1:2', '0.1.0.2'],
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:1:2:3', '::ffff:1:2:3'],
    ['::1', '::1'],
    ['', ''],
  ] as const
  for (const [address, expected] of cases) assert.equal(unmapped(address), expected)
})

test('canonicalAddress() writes IPv6 as RFC 5952 does', () => {
  const all = ['FD00:0:0::00A', '::', '192.0.2.1', 'FE80:0::A%eth0.1']
  assert.deepEqual(all.map(canonicalAddress), ['fd00::a', '::', '192.0.2.1', 'fe80::a%eth0.1'])
})

test('sourceFor() leaves the choice to the system where the family differs', () => {
  assert.equal(sourceFor('192.0.2.1', '192.0.2.9'), '192.0.2.9')
  assert.equal(sourceFor('fe80::1%eth0', 'fd00::9'), 'fd00::9')
  assert.equal(sourceFor('fd00::1', '192.0.2.9'), undefined)
  assert.equal(sourceFor('192.0.2.1', null), undefined)
})

test('isLoopback() knows what does not leave the machine, however it is written', () => {
  for (const address of ['127.0.0.1', '127.0.0.53', '::1', '0:0:0:0:0:0:0:1']) {
    assert.equal(isLoopback(address), true, address)
  }
  for (const address of ['10.0.0.1', '128.0.0.1', '::', '::2', 'fe80::1%eth0', '']) {
    assert.equal(isLoopback(address), false, address)
  }
})
