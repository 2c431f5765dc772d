import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseKeys } from '../../src/corefile/keys.ts'
import { messageOf, token } from './support.ts'

function keys(...texts: readonly string[]): readonly string[] {
  const list = texts.map((text) => token(text))
  return parseKeys(list, { port: 53, warn: () => {} }).map(
    ({ scheme, zone, port }) => `${scheme}://${zone}:${port}`,
  )
}

function warningsOf(text: string): readonly string[] {
  const warnings: string[] = []
  parseKeys([token(text)], { port: 53, warn: (message) => warnings.push(message) })
  return warnings
}

describe('parseKeys()', () => {
  const table: readonly (readonly [string, readonly string[]])[] = [
    ['.', ['dns://.:53']],
    ['Cluster.Local:1053', ['dns://cluster.local.:1053']],
    ['dns://x', ['dns://x.:53']],
    ['tls://x', ['tls://x.:853']],
    ['quic://x', ['quic://x.:853']],
    ['grpc://x', ['grpc://x.:443']],
    ['https://x', ['https://x.:443']],
    ['https3://x:8443', ['https3://x.:8443']],
    ['unix://x', ['unix://x.:0']],
    ['.:0', ['dns://.:0']],
    ['.:+53', ['dns://.:53']],
    ['10.0.0.0/15:5353', ['dns://0.10.in-addr.arpa.:5353', 'dns://1.10.in-addr.arpa.:5353']],
  ]
  for (const [text, expected] of table) {
    test(`reads ${text}`, () => assert.deepEqual(keys(text), expected))
  }

  test('keeps the order of the keys and remembers how each was written', () => {
    assert.deepEqual(keys('b', 'a'), ['dns://b.:53', 'dns://a.:53'])
    const [key] = parseKeys([token('Example.org', 9)], { port: 53, warn: () => {} })
    assert.deepEqual(key?.token, token('Example.org', 9))
  })

  const bad = [
    ['x:', 'expecting data after last colon: "x:"'],
    ['x..y:53', 'zone is not a valid domain name: x..y'],
    [`${'a.'.repeat(130)}:53`, 'specified zone is too long: 260 > 255'],
    ['::/8', 'invalid CIDR ::/8'],
    ['.:65536', 'address 65536: invalid port'],
    ['.:-1', 'address -1: invalid port'],
  ] as const
  for (const [text, reason] of bad) {
    test(`rejects "${text.slice(0, 20)}"`, () => {
      assert.equal(
        messageOf(() => keys(text)),
        `/etc/Corefile:1 - ${reason}`,
      )
    })
  }

  test('warns of names beyond the preferred syntax of RFC 1035', () => {
    for (const text of ['.', 'a.b-c.d1', 'X', '10.in-addr.arpa', '10.0.0.0/8', 'fd00::/8']) {
      assert.deepEqual(warningsOf(text), [])
    }
    const warning = (zone: string): string =>
      `Warning: Domain "${zone}" does not follow RFC1035 preferred syntax`
    for (const zone of ['a_b.', '1a.b.', '-a.', 'a-.']) {
      assert.deepEqual(warningsOf(zone), [warning(zone)])
    }
    const remedy = ': a zone holds all names below it, write x.'
    assert.deepEqual(warningsOf('*.x.'), [warning('*.x.') + remedy])
  })

  test('says what the author of an odd key probably meant', () => {
    for (const [text, hint] of [
      ['a.example:53{', "put a space before '{'"],
      ['{errors', "put a space before each brace, and a line break behind '{'"],
      ['{\\n', 'a line break is no "\\n", the file has to have real ones'],
    ] as const) {
      const [first] = warningsOf(text)
      assert.equal(first, `/etc/Corefile:1 - '${text}' is read as a zone: ${hint}`)
    }
  })

  test('throws nothing but CorefileError, whatever the key', () => {
    const part = fc.constantFrom(
      'a',
      '.',
      ':',
      '/',
      '0',
      '10.0.0.0',
      '::',
      'dns://',
      '\\',
      'é',
      '%',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const message = messageOf(() => keys(parts.join('')))
        assert.ok(message === undefined || message.startsWith('/etc/Corefile:1 - '))
      }),
      { numRuns: 500 },
    )
  })
})
