import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { GrowingBytes, GrowingInts } from '../../../src/plugins/hosts/growing.ts'
import { HostTable, Kind } from '../../../src/plugins/hosts/host-table.ts'
import { NameKey } from '../../../src/plugins/hosts/name-key.ts'
import { HostsParser } from '../../../src/plugins/hosts/parser.ts'
import { zoneTable } from '../../../src/serve/zone-table.ts'
import { nameToText } from '../../../src/wire/name.ts'

/** The addresses or names of a name, as they lie in the table. */
function recordsOf(table: HostTable, name: string, kind: Kind): string[] {
  const key = new NameKey()
  const found: string[] = []
  const node = key.readText(name) ? table.find(key) : 0
  if (node === 0) return found
  const out = new Uint8Array(255)
  for (let at = table.next(node, kind, 0); at !== 0; at = table.next(node, kind, at)) {
    if (kind === Kind.PTR) {
      // A name on its own lies where no pointer can, so that the header's octets come first.
      const size = table.copyName(at, out)
      const message = Buffer.concat([Buffer.alloc(12), out.subarray(0, size)])
      found.push(nameToText(message, 12, message.length) ?? '?')
    } else {
      const size = kind === Kind.A ? 4 : 16
      table.copyAddress(at, out, size)
      found.push(Buffer.from(out.subarray(0, size)).toString('hex'))
    }
  }
  return found
}

function parse(pieces: readonly Buffer[], zones: readonly string[] = ['.']): HostTable {
  const table = new HostTable()
  const parser = new HostsParser(table, zoneTable(zones), true)
  for (const piece of pieces) parser.push(piece)
  parser.end()
  return table
}

function parseText(text: string): HostTable {
  return parse([Buffer.from(text)])
}

describe('a growing list', () => {
  test('has every number where it was put, over all pages', () => {
    for (const [list, mask] of [
      [new GrowingInts(), -1],
      [new GrowingBytes(), 0xff],
    ] as const) {
      for (let i = 0; i < 5_000; i++) list.push(i)
      for (let i = 0; i < 5_000; i += 3) list.set(i, i + 1)
      assert.equal(list.length, 5_000)
      for (let i = 0; i < 5_000; i++) {
        assert.equal(list.at(i), (i % 3 === 0 ? i + 1 : i) & mask)
      }
    }
  })

  test('has pieces that lie in one page each', () => {
    const list = new GrowingBytes()
    list.push(9)
    const piece = Uint8Array.from({ length: 300 }, (_, i) => i)
    const starts = Array.from({ length: 200 }, (_, i) => list.append(piece, i, 1 + i + (i % 100)))
    for (const [i, start] of starts.entries()) {
      const size = 1 + (i % 100)
      const at = list.offsetOf(start)
      assert.deepEqual(list.pageOf(start).subarray(at, at + size), piece.subarray(i, i + size))
      assert.equal(list.at(start + size - 1), piece[i + size - 1])
    }
  })
})

describe('a table of hosts', () => {
  test('has for each name what was put in, in its order', () => {
    const name = fc.stringMatching(/^[ab]{1,3}(\.[abc]{1,2}){0,2}$/)
    const line = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.array(name, { minLength: 1 }))
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const expected = new Map<string, string[]>()
        const text = lines.map(([last, names]) => {
          for (const each of names) {
            expected.set(each, [
              ...(expected.get(each) ?? []),
              Buffer.from([10, 0, 0, last]).toString('hex'),
            ])
          }
          return `10.0.0.${last} ${names.join(' ')}`
        })
        const table = parseText(text.join('\n'))
        for (const [each, addresses] of expected) {
          assert.deepEqual(recordsOf(table, each, Kind.A), addresses)
        }
        const total = lines.reduce((sum, [, names]) => sum + names.length, 0)
        assert.equal(table.entries, 2 * total)
      }),
    )
  })

  test('finds each of many names, and no other', () => {
    const count = 20_000
    const text = Array.from(
      { length: count },
      (_, i) => `10.0.${i >> 8}.${i & 255} host-${i}.test\n`,
    )
    const table = parseText(text.join(''))
    for (let i = 0; i < count; i += 7) {
      const data = Buffer.from([10, 0, i >> 8, i & 255])
      assert.deepEqual(recordsOf(table, `HOST-${i}.test`, Kind.A), [data.toString('hex')])
      assert.deepEqual(recordsOf(table, `${i & 255}.${i >> 8}.0.10.in-addr.arpa`, Kind.PTR), [
        `host-${i}.test.`,
      ])
    }
    assert.deepEqual(recordsOf(table, `host-${count}.test`, Kind.A), [])
  })

  test('is the same wherever the pieces of its file end', () => {
    const text = Buffer.from('10.0.0.1 a b#c\r\n\n# d\n  ::1\ta \v\f b.test\n10.0.0.2 x')
    const shown = (table: HostTable): unknown =>
      ['a', 'b', 'c', 'd', 'b.test', 'x', '1.0.0.10.in-addr.arpa'].map((name) => [
        recordsOf(table, name, Kind.A),
        recordsOf(table, name, Kind.AAAA),
        recordsOf(table, name, Kind.PTR),
      ])
    const whole = shown(parse([text]))
    assert.deepEqual(whole, [
      [['0a000001'], [`${'0'.repeat(31)}1`], []],
      [['0a000001'], [], []],
      [[], [], []],
      [[], [], []],
      [[], [`${'0'.repeat(31)}1`], []],
      [['0a000002'], [], []],
      [[], [], ['a.', 'b.']],
    ])
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        const pieces = [
          text.subarray(0, first),
          text.subarray(first, second),
          text.subarray(second),
        ]
        assert.deepEqual(shown(parse(pieces)), whole)
      }
    }
  })

  test('passes over what is no address or no name', () => {
    const long = 'x'.repeat(64)
    const endless = 'y.'.repeat(40_000)
    const bad = [
      '10.0.0.01 a',
      '10..0.1 a',
      '10.0.0.1.2 a',
      '10.0.0.1. a',
      '10.0.0.1x a',
      '1::2::3 a',
      '10.0.0 a',
      '256.0.0.1 a',
      ':::1 a',
      '10.0.0.1',
      'a 10.0.0.1',
      '%eth0 a',
      `10.0.0.1 ${long} a..b .a m\u00fcnchen ${endless} \u0000`,
      `${endless} a`,
      '\ufeff10.0.0.1 a',
      '#10.0.0.1 a',
    ]
    const table = parseText(`${bad.join('\n')}\n10.0.0.3 ok. \\065\n`)
    assert.deepEqual(recordsOf(table, 'a', Kind.A), ['0a000003'])
    assert.deepEqual(recordsOf(table, 'ok', Kind.A), ['0a000003'])
    // The name of one control character is a name; two names and a half are what is left.
    assert.equal(table.entries, 6)
  })
})
