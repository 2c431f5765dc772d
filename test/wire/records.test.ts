import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Ede, Rcode, Type } from '../../src/wire/codes.ts'
import { readCount, Section } from '../../src/wire/header.ts'
import { NO_TTL, Records, scanRecords, stripOpt } from '../../src/wire/records.ts'
import { WireStatus } from '../../src/wire/status.ts'
import { a, message, ns, opt, option, questionOf, recordsOf, soa } from './message.ts'

describe('scanRecords()', () => {
  test('finds every record where it lies', () => {
    const b = message({
      answer: [a('www.example.com', 30)],
      authority: [ns('example.com', 'ns.example.com')],
      additional: [a('ns.example.com', 90), opt()],
    })
    const r = recordsOf(b)
    assert.deepEqual([r.count, r.answerCount, r.authorityCount, r.additionalCount], [4, 1, 1, 2])
    assert.deepEqual([...r.types.subarray(0, 4)], [Type.A, Type.NS, Type.A, Type.OPT])
    assert.equal(r.starts[0], questionOf(b).end)
    assert.deepEqual([...r.starts.subarray(1, 4)], [...r.ends.subarray(0, 3)])
    assert.equal(b.readUInt32BE(r.ttlAt[2]), 90)
    assert.deepEqual([r.optAt, r.end, r.minTtl], [3, b.length, 30])
    assert.deepEqual([r.hasAuthorityNs, r.hasAuthoritySoa, r.soaNegativeTtl], [true, false, -1])
  })

  test('finds nothing in a message without records', () => {
    const r = recordsOf(message({}))
    assert.deepEqual([r.count, r.minTtl, r.optAt, r.ede, r.end], [0, NO_TTL, -1, -1, 33])
  })

  test('takes the smaller of SOA TTL and MINIMUM, and of several SOAs', () => {
    assert.equal(recordsOf(message({ authority: [soa('a', 300, 30)] })).soaNegativeTtl, 30)
    assert.equal(recordsOf(message({ authority: [soa('a', 20, 30)] })).soaNegativeTtl, 20)
    const two = message({ authority: [soa('a', 50, 50), soa('b', 40, 40), soa('c', 60, 60)] })
    assert.equal(recordsOf(two).soaNegativeTtl, 40)
  })

  test('looks for SOA and NS in the authority section only', () => {
    const r = recordsOf(message({ answer: [soa('a', 9, 9)], additional: [ns('a', 'b')] }))
    assert.deepEqual([r.hasAuthoritySoa, r.hasAuthorityNs, r.soaNegativeTtl], [false, false, -1])
  })

  test('counts a TTL with the top bit set as 0', () => {
    assert.equal(recordsOf(message({ answer: [a('x', 0x80000000)] })).minTtl, 0)
    assert.equal(recordsOf(message({ answer: [a('x', 0x7fffffff)] })).minTtl, 0x7fffffff)
  })

  test('leaves the TTL field of OPT out of the minimum', () => {
    assert.equal(recordsOf(message({ answer: [a('x', 77)], additional: [opt()] })).minTtl, 77)
  })

  test('joins the rcode of header and OPT, and reads DO and the extended error', () => {
    const options = option(15, Buffer.from([0, Ede.Blocked]))
    const additional = [opt({ extendedRcode: 1, dnssecOk: true, options })]
    const r = recordsOf(message({ flags: 0x8187, additional }))
    assert.deepEqual([r.rcode, r.extendedRcode, r.dnssecOk, r.ede], [23, 1, true, 15])
  })

  test('forgets the previous message', () => {
    const records = new Records()
    const full = message({
      flags: 0x8183,
      answer: [{ name: 'a', type: Type.RRSIG, data: Buffer.alloc(19) }],
      authority: [soa('a', 9, 9), ns('a', 'b')],
      additional: [opt({ extendedRcode: 3, dnssecOk: true })],
    })
    const empty = message({})
    assert.equal(scanRecords(full, full.length, questionOf(full), records), WireStatus.Ok)
    assert.equal(scanRecords(empty, empty.length, questionOf(empty), records), WireStatus.Ok)
    const fresh = recordsOf(empty)
    for (const key of Object.keys(fresh) as (keyof Records)[]) {
      if (typeof fresh[key] !== 'object') assert.equal(records[key], fresh[key], key)
    }
    assert.equal(records.rcode, Rcode.NoError)
  })

  test('holds the most records that 65,535 octets can carry', () => {
    const room = 65535 - message({ name: '.' }).length
    const most = Math.floor(room / 11)
    const empty = Buffer.alloc(11)
    empty[1] = 0xff
    const b = Buffer.concat([message({ name: '.' }), ...Array<Buffer>(most).fill(empty)])
    b.writeUInt16BE(most, 10)
    const r = new Records()
    assert.equal(scanRecords(b, b.length, questionOf(b), r), WireStatus.Ok)
    assert.deepEqual([r.count, r.end, r.ends[most - 1]], [most, b.length, b.length])
  })

  test('answers FORMERR to a message longer than 65,535 octets and to a question beyond the end', () => {
    const b = Buffer.alloc(65536)
    message({}).copy(b)
    assert.equal(scanRecords(b, b.length, questionOf(b), new Records()), WireStatus.FormErr)
    assert.equal(scanRecords(b, 32, questionOf(b), new Records()), WireStatus.FormErr)
  })

  test('answers FORMERR to the records cut at any octet', () => {
    const b = message({
      answer: [a('www.example.com')],
      authority: [soa('a', 1, 1)],
      additional: [opt()],
    })
    const question = questionOf(b)
    for (let length = question.end; length < b.length; length++) {
      assert.equal(scanRecords(b, length, question, new Records()), WireStatus.FormErr)
    }
  })

  test('survives a sound message with any octets changed', () => {
    const sound = message({
      answer: [a('www.example.com'), { name: 'x', type: Type.MX, data: Buffer.from([0, 1, 0]) }],
      authority: [soa('example.com', 60, 60), ns('example.com', 'ns.example.com')],
      additional: [opt({ options: option(15, Buffer.from([0, 3])) })],
    })
    const question = questionOf(sound)
    const change = fc.tuple(
      fc.nat(sound.length - 1),
      fc.oneof(fc.constantFrom(0, 0xc0, 0xff), fc.nat(255)),
    )
    const r = new Records()
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const b = Buffer.from(sound)
        for (const [at, octet] of changes) b[at] = octet
        if (scanRecords(b, b.length, question, r) !== WireStatus.Ok) return
        assert.ok(r.end <= b.length)
        for (let i = 0; i < r.count; i++) {
          assert.ok(r.starts[i]! < r.ttlAt[i]! && r.ttlAt[i]! + 6 <= r.ends[i]!)
          assert.equal(r.starts[i], i === 0 ? question.end : r.ends[i - 1])
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('stripOpt()', () => {
  test('cuts OPT off the end and keeps what it said', () => {
    const plain = message({ answer: [a('x')], additional: [a('y')] })
    const b = message({ answer: [a('x')], additional: [a('y'), opt({ dnssecOk: true })] })
    const r = recordsOf(b)
    const length = stripOpt(b, r)
    assert.deepEqual(b.subarray(0, length), plain)
    assert.deepEqual([r.count, r.additionalCount, r.optAt, r.end], [2, 1, -1, length])
    assert.equal(r.dnssecOk, true)
    assert.equal(scanRecords(b, length, questionOf(b), new Records()), WireStatus.Ok)
  })

  test('drops the records behind OPT too', () => {
    const b = message({ answer: [a('x')], additional: [opt(), a('y')] })
    const length = stripOpt(b, recordsOf(b))
    assert.equal(length, message({ answer: [a('x')] }).length)
    assert.equal(readCount(b, Section.Additional), 0)
  })

  test('only drops trailing octets where there is no OPT', () => {
    const b = Buffer.concat([message({ answer: [a('x')] }), Buffer.from('rubbish')])
    assert.equal(stripOpt(b, recordsOf(b)), b.length - 7)
  })
})
