import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { canonicalName, isSubdomain } from '../../src/corefile/domain-name.ts'
import { nameToText } from '../../src/wire/name.ts'

const label63 = 'a'.repeat(63)

describe('canonicalName()', () => {
  const table = [
    ['.', '.'],
    ['Example.COM', 'example.com.'],
    ['example.com.', 'example.com.'],
    ['_srv._tcp.x', '_srv._tcp.x.'],
    [String.raw`a\.b.c`, String.raw`a\.b.c.`],
    [String.raw`\065\b.c`, 'ab.c.'],
    [String.raw`\032 \\`, String.raw`\ \ \\.`],
    ['é', String.raw`\195\169.`],
    ['0/24.0.0.10.in-addr.arpa', '0/24.0.0.10.in-addr.arpa.'],
    [label63, `${label63}.`],
    [`a${label63}`, null],
    [`${`${label63}.`.repeat(3)}${'a'.repeat(61)}`, `${`${label63}.`.repeat(3)}${'a'.repeat(61)}.`],
    [`${`${label63}.`.repeat(3)}${'a'.repeat(62)}`, null],
    ['x'.repeat(2000), null],
    ['', null],
    ['..', null],
    ['.a', null],
    ['a..b', null],
    ['a\\', null],
    [String.raw`\25`, null],
    [String.raw`\256`, null],
  ] as const
  for (const [text, name] of table) {
    test(`takes "${text.slice(0, 40)}" for ${name?.slice(0, 40)}`, () => {
      assert.equal(canonicalName(text), name)
    })
  }

  test('is what the wire form of the name in lower case reads as', () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 6 }), (labels) => {
        const wire = Buffer.concat([
          ...labels.flatMap((octets) => [Uint8Array.of(octets.length), octets]),
          Uint8Array.of(0),
        ])
        const name = canonicalName(nameToText(wire, 0, wire.length) ?? '')
        assert.equal(name, nameToText(wire, 0, wire.length, true))
        assert.equal(canonicalName(name ?? ''), name)
      }),
    )
  })
})

describe('isSubdomain()', () => {
  const table = [
    ['a.b.', 'b.', true],
    ['b.', 'b.', true],
    ['b.', '.', true],
    ['.', '.', true],
    ['ab.', 'b.', false],
    ['b.', 'a.b.', false],
    [String.raw`a\.b.`, 'b.', false],
    [String.raw`a\\.b.`, 'b.', true],
  ] as const
  for (const [name, zone, expected] of table) {
    test(`of ${name} and ${zone} is ${expected}`, () => {
      assert.equal(isSubdomain(name, zone), expected)
    })
  }
})
