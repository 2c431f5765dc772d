import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Ede, Type } from '../../src/wire/codes.ts'
import { BAD_OPTIONS, Edns, findEde, optSize, readQueryOpt, writeOpt } from '../../src/wire/edns.ts'
import { readCount, Section } from '../../src/wire/header.ts'
import { stripOpt } from '../../src/wire/records.ts'
import { WireStatus } from '../../src/wire/status.ts'
import { a, message, opt, option, questionOf, recordsOf, type TestMessage } from './message.ts'

function read(m: TestMessage): { status: WireStatus; edns: Edns } {
  const b = message({ flags: 0x0100, ...m })
  const edns = new Edns()
  return { status: readQueryOpt(b, b.length, questionOf(b), edns), edns }
}

describe('readQueryOpt()', () => {
  test('says what a query without OPT means', () => {
    const { status, edns } = read({})
    assert.equal(status, WireStatus.Ok)
    assert.deepEqual(Object.assign({}, edns), {
      present: false,
      version: 0,
      udpSize: 512,
      dnssecOk: false,
    })
  })

  test('reads size, version and DO', () => {
    const { edns } = read({ additional: [opt({ size: 4096, version: 7, dnssecOk: true })] })
    assert.deepEqual(Object.assign({}, edns), {
      present: true,
      version: 7,
      udpSize: 4096,
      dnssecOk: true,
    })
  })

  test('takes a size below 512 as 512', () => {
    assert.equal(read({ additional: [opt({ size: 511 })] }).edns.udpSize, 512)
  })

  test('lets the last OPT win', () => {
    const { edns } = read({
      additional: [opt({ size: 4096, dnssecOk: true }), opt({ size: 1400 })],
    })
    assert.deepEqual([edns.udpSize, edns.dnssecOk], [1400, false])
  })

  test('passes over other records and OPT in other sections', () => {
    const { status, edns } = read({ answer: [opt()], authority: [opt()], additional: [a('x')] })
    assert.equal(status, WireStatus.Ok)
    assert.equal(edns.present, false)
  })

  test('takes well-formed options and refuses cut ones', () => {
    const good = option(10, Buffer.alloc(8))
    assert.equal(read({ additional: [opt({ options: good })] }).status, WireStatus.Ok)
    const cut = good.subarray(0, -1)
    assert.equal(read({ additional: [opt({ options: cut })] }).status, WireStatus.FormErr)
  })

  test('answers FORMERR to the records cut at any octet', () => {
    const b = message({ flags: 0x0100, additional: [opt(), a('x')] })
    const question = questionOf(b)
    for (let length = question.end; length < b.length; length++) {
      assert.equal(readQueryOpt(b, length, question, new Edns()), WireStatus.FormErr)
    }
  })

  test('survives arbitrary octets after the question', () => {
    const edns = new Edns()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(3), fc.nat(3), (tail, an, ar) => {
        const b = Buffer.concat([message({ flags: 0x0100 }), tail])
        b[7] = an
        b[11] = ar
        const status = readQueryOpt(b, b.length, questionOf(b), edns)
        assert.ok(status === WireStatus.Ok || status === WireStatus.FormErr)
        assert.ok(edns.udpSize >= 512)
      }),
      { numRuns: 500 },
    )
  })
})

describe('Edns', () => {
  test('assign() and clear() cover every field', () => {
    const from = read({ additional: [opt({ size: 4096, version: 7, dnssecOk: true })] }).edns
    const to = new Edns()
    to.assign(from)
    assert.deepEqual(to, from)
    to.clear()
    assert.deepEqual(to, new Edns())
  })
})

describe('findEde()', () => {
  test('finds the first extended error among other options', () => {
    const first = option(15, Buffer.from([0, 22, 0x68, 0x69]))
    const b = Buffer.concat([option(3, Buffer.from('ns1')), first, option(15, Buffer.from([0, 3]))])
    assert.equal(findEde(b, 0, b.length), Ede.NoReachableAuthority)
  })

  test('is −1 without options and BAD_OPTIONS for half an option', () => {
    assert.equal(findEde(Buffer.alloc(0), 0, 0), -1)
    assert.equal(findEde(Buffer.alloc(3), 0, 3), BAD_OPTIONS)
    assert.equal(findEde(Buffer.from([0, 15, 0, 1]), 0, 4), BAD_OPTIONS)
  })
})

describe('writeOpt()', () => {
  test('is undone by stripOpt(), octet by octet', () => {
    fc.assert(
      fc.property(
        fc.nat(5),
        fc.nat(5),
        fc.boolean(),
        fc.integer({ min: -1, max: 0xffff }),
        (answers, others, dnssecOk, ede) => {
          const plain = message({
            answer: Array.from({ length: answers }, () => a('x')),
            additional: Array.from({ length: others }, () => a('y')),
          })
          const out = Buffer.alloc(plain.length + optSize(ede))
          const length = writeOpt(out, plain.copy(out), 1232, 0, dnssecOk, ede)
          assert.equal(length, out.length)
          const stripped = stripOpt(out, recordsOf(out))
          assert.deepEqual(out.subarray(0, stripped), plain)
        },
      ),
    )
  })

  test('writes what scanRecords() and readQueryOpt() read', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.nat(0xff),
        fc.boolean(),
        fc.integer({ min: -1, max: 0xffff }),
        (size, extended, dnssecOk, ede) => {
          const out = Buffer.alloc(600)
          const end = message({ answer: [a('x')] }).copy(out)
          const length = writeOpt(out, end, size, extended, dnssecOk, ede)
          assert.equal(length, end + optSize(ede))
          assert.equal(readCount(out, Section.Additional), 1)
          const records = recordsOf(out.subarray(0, length))
          assert.equal(records.types[1], Type.OPT)
          assert.deepEqual(
            [records.extendedRcode, records.dnssecOk, records.ede, records.end],
            [extended, dnssecOk, ede, length],
          )
          const edns = new Edns()
          readQueryOpt(out, length, questionOf(out), edns)
          assert.deepEqual([edns.udpSize, edns.version], [Math.max(size, 512), 0])
        },
      ),
    )
  })
})
