import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Class, Type } from '../../../src/wire/codes.ts'
import { parseRecord } from '../../../src/wire/presentation/record.ts'
import { recordText } from '../../../src/wire/presentation/record-text.ts'
import { message, questionOf, recordsOf, type TestRecord, wireName } from '../message.ts'

function textOf(record: TestRecord): string {
  const b = message({ answer: [record] })
  return recordText(b, recordsOf(b, questionOf(b)), 0)
}

function octets(...values: readonly number[]): Buffer {
  return Buffer.from(values)
}

test('records are written in zone-file syntax', () => {
  const name = 'a.test'
  for (const [record, text] of [
    [{ name, type: Type.A, data: octets(192, 0, 2, 1) }, 'a.test. 60 IN A 192.0.2.1'],
    [
      {
        name,
        type: Type.AAAA,
        ttl: 2 ** 31 - 1,
        data: Buffer.from(`20010db8${'0'.repeat(23)}1`, 'hex'),
      },
      'a.test. 2147483647 IN AAAA 2001:db8::1',
    ],
    [{ name, type: Type.CNAME, data: 'b c.test' }, 'a.test. 60 IN CNAME b\\ c.test.'],
    [
      { name, type: Type.MX, data: Buffer.concat([octets(0, 10), wireName('mail.test')]) },
      'a.test. 60 IN MX 10 mail.test.',
    ],
    [
      { name, type: Type.SRV, data: Buffer.concat([octets(0, 1, 0, 2, 1, 0), wireName('.')]) },
      'a.test. 60 IN SRV 1 2 256 .',
    ],
    [
      {
        name: '.',
        type: Type.SOA,
        data: Buffer.concat([
          wireName('ns.test'),
          wireName('hostmaster.test'),
          octets(0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5),
        ]),
      },
      '. 60 IN SOA ns.test. hostmaster.test. 1 2 3 4 5',
    ],
    [
      { name, type: Type.TXT, data: octets(3, 0x61, 0x22, 0x1b, 0, 1, 0x5c) },
      'a.test. 60 IN TXT "a\\"\\027" "" "\\\\"',
    ],
    [{ name, type: Type.TXT, data: octets(9, 0x61) }, 'a.test. 60 IN TXT \\# 2 0961'],
    [{ name, type: Type.TXT, data: octets() }, 'a.test. 60 IN TXT \\# 0'],
    [{ name, type: Type.HTTPS, data: octets(0, 1, 0) }, 'a.test. 60 IN HTTPS \\# 3 000100'],
    [{ name, type: 65_280, data: octets(7) }, 'a.test. 60 IN TYPE65280 \\# 1 07'],
    [
      { name, type: Type.TXT, class: Class.CH, data: octets(1, 0x61) },
      'a.test. 60 CH TXT \\# 2 0161',
    ],
  ] as const) {
    assert.equal(textOf(record), text)
  }
})

test('a name that data points at is written in full', () => {
  const b = message({
    name: 'a.test',
    answer: [{ name: 'a.test', type: Type.MX, data: octets(0, 1, 0xc0, 12) }],
  })
  assert.equal(recordText(b, recordsOf(b, questionOf(b)), 0), 'a.test. 60 IN MX 1 a.test.')
})

test('property: what is written is printable, and read again it is the same record', () => {
  const types = [Type.A, Type.AAAA, Type.TXT, Type.HINFO, Type.TLSA, 65_281]
  const sizes: Readonly<Record<number, number>> = { [Type.A]: 4, [Type.AAAA]: 16 }
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.uint8Array({ maxLength: 64 }),
      fc.nat(2 ** 31 - 1),
      (type, some, ttl) => {
        const data = Buffer.alloc(sizes[type] ?? some.length)
        data.set(some.subarray(0, data.length))
        const text = textOf({ name: 'x\\000y.test', type, ttl, data })
        assert.match(text, /^[ -~]+$/)
        const record = parseRecord(text)
        // What does not fill the strings of TXT and HINFO is no data of these.
        if (typeof record === 'string') return assert.match(text, /\\#/)
        assert.ok(record !== null)
        assert.deepEqual([record.type, record.ttl], [type, ttl])
        assert.deepEqual(Buffer.from(record.data), data)
      },
    ),
  )
})
