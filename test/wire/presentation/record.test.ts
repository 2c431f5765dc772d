// records.json is what miekg/dns 1.1, which CoreDNS reads records with, makes of each text: its octets in
// hexadecimal, nothing for no record, null for an error.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parseRecord } from '../../../src/wire/presentation/record.ts'

const file = join(import.meta.dirname, 'records.json')
const cases = JSON.parse(readFileSync(file, 'utf8')) as [text: string, octets: string | null][]

/** The record's octets in hexadecimal; what is wrong begins with `dns: `. */
function octets(text: string): string {
  const record = parseRecord(text)
  if (record === null) return ''
  if (typeof record === 'string') return record
  const { class: klass, data, owner, ttl, type } = record
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(klass, 2)
  fixed.writeUInt32BE(ttl, 4)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([owner, fixed, data]).toString('hex')
}

describe('a record in zone-file syntax', () => {
  for (const [text, expected] of cases) {
    test(`is read as miekg/dns does: ${text.slice(0, 80)}`, () => {
      const got = octets(text)
      if (expected === null) assert.match(got, /^dns: /)
      else assert.equal(got, expected)
    })
  }

  test('is refused with the word that is wrong', () => {
    for (const [text, problem] of [
      ['www.example.', 'dns: no type: "www.example."'],
      ['a..b A 192.0.2.1', 'dns: bad owner name: "a..b"'],
      ['$INCLUDE /etc/passwd', 'dns: directive: "$INCLUDE"'],
      ['x. 60 IN FOO 1', 'dns: expected a type: "FOO"'],
      ['x. 60 IN "A" 192.0.2.1', 'dns: expected a type: "A"'],
      ['x. A 192.0.2', 'dns: bad A data: "192.0.2"'],
      ['x. LOC 52 N', 'dns: no syntax for LOC but \\# LENGTH HEX: "52"'],
      ['x. LOC', 'dns: no syntax for LOC but \\# LENGTH HEX: ""'],
      ['x. TXT "', 'dns: quote or escape that does not end'],
      ['x. TXT )', 'dns: extra closing brace'],
      ['x. TXT (', 'dns: unbalanced brace'],
      [`${'y'.repeat(100)} A 192.0.2.1`, `dns: bad owner name: "${'y'.repeat(64)}"`],
    ] as const) {
      assert.equal(parseRecord(text), problem)
    }
  })

  test('is refused where miekg/dns makes one that clients cannot read', () => {
    for (const text of [
      'x. 60 IN A',
      'x. 60 IN CNAME',
      'x. 60 IN TXT',
      'x. 60 IN SOA ns. host. 1 60 60 60',
      'x. 60 IN A \\# 3 0a0000',
      'x. 60 IN NS \\# 2 c00c',
      'x. 60 IN TYPE41 \\# 0',
      'x. 60 IN TXT "a\\999b"',
      'x. 60 IN SVCB 1 svc. alpn=',
      'x. 60 IN TYPE65280 \\# x 00',
      `x. 60 IN TYPE65280 \\# 65536 ${'00'.repeat(65_536)}`,
      `x. 60 IN OPENPGPKEY ${'AAAA'.repeat(22_000)}`,
      `${'y'.repeat(63)}.`.repeat(4) + ' 60 IN A 192.0.2.1',
    ]) {
      assert.match(octets(text), /^dns: /, text.slice(0, 60))
    }
  })

  test('has numbers over several lines, of L32, ZONEMD, ISDN and X25 the data, and UTF-8 in names', () => {
    const soa = octets('x. 60 IN SOA ns. h. (\n1 ; serial\n60\n60\n60\n60\n)')
    assert.ok(soa.endsWith('000000010000003c0000003c0000003c0000003c'))
    assert.ok(octets('x. 1 IN L32 10 10.1.2.0').endsWith('0006000a0a010200'))
    assert.ok(octets('x. 1 IN ZONEMD 1 1 1 0a0b').endsWith('00080000000101010a0b'))
    assert.ok(octets('x. 1 IN ISDN 12 3').endsWith('000502313201' + '33'))
    assert.ok(octets('x. 1 IN X25 12').endsWith('0003023132'))
    assert.ok(octets('\u00e9. 1 IN X25 12').startsWith('02c3a900'))
  })
})
