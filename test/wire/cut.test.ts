import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fitCounts } from '../../src/wire/cut.ts'
import { Flag } from '../../src/wire/codes.ts'
import { readFlags } from '../../src/wire/header.ts'
import { Records, scanRecords } from '../../src/wire/records.ts'
import { WireStatus } from '../../src/wire/status.ts'
import { a, cname, message, ns, opt, questionOf, soa } from './message.ts'

const whole = message({
  answer: [cname('www.example.com', 'x.example.com'), a('x.example.com'), a('x.example.com')],
  authority: [ns('example.com', 'ns.example.com'), soa('example.com', 60, 60)],
  additional: [a('ns.example.com'), opt()],
})
const question = questionOf(whole)
const records = new Records()

function scan(b: Buffer, length: number): WireStatus {
  return scanRecords(b, length, question, records)
}

describe('fitCounts()', () => {
  test('keeps the whole records, wherever the message ends, and sets TC inside one', () => {
    scan(whole, whole.length)
    const ends = [question.end, ...records.ends.subarray(0, records.count)]
    for (let length = question.end; length < whole.length; length++) {
      const b = Buffer.from(whole.subarray(0, length))
      const kept = ends.findLastIndex((end) => end <= length)
      const between = ends[kept] === length
      const expected = { end: ends[kept], complete: between && kept >= 3 }
      assert.deepEqual(fitCounts(b, length, question, true), expected, `${length} octets`)
      assert.equal(readFlags(b), readFlags(whole) | (between ? 0 : Flag.TC))
      assert.equal(scan(b, ends[kept]!), WireStatus.Ok)
      assert.deepEqual(
        [records.answerCount, records.authorityCount, records.additionalCount],
        [Math.min(kept, 3), Math.max(0, Math.min(kept - 3, 2)), Math.max(0, kept - 5)],
      )
    }
  })

  test('takes counts beyond the records down, in any section', () => {
    const optAt = whole.length - 11
    for (const [section, end, count, complete] of [
      // As many answers and authorities would take OPT for one of theirs.
      [6, optAt, 6, false],
      [8, optAt, 6, false],
      [10, whole.length, 7, true],
    ] as const) {
      const b = Buffer.from(whole)
      b[section] = 0xff
      assert.deepEqual(fitCounts(b, b.length, question, true), { end, complete })
      assert.equal(readFlags(b), readFlags(whole))
      assert.equal(scan(b, end), WireStatus.Ok)
      assert.equal(records.count, count)
    }
  })

  test('a denial without additional records is complete, and one without its authority is not', () => {
    const denial = message({ authority: [soa('example.com', 60, 60)] })
    const about = questionOf(denial)
    for (const [section, length, complete] of [
      [10, denial.length, true],
      [8, denial.length, false],
      [10, about.end, false],
    ] as const) {
      const b = Buffer.from(denial.subarray(0, length))
      b[section + 1]! += 1
      assert.deepEqual(fitCounts(Buffer.from(b), length, about, true), { end: length, complete })
      assert.deepEqual(fitCounts(b, length, about, false), { end: length, complete: true })
    }
  })

  test('knows a pointer and a label that are cut', () => {
    const cut = { end: question.end, complete: false }
    const name = Buffer.from([...whole.subarray(0, question.end), 3, 0x77, 0x77, 0x77, 0xc0])
    assert.deepEqual(fitCounts(Buffer.from(name), name.length, question, true), cut)
    const label = name.subarray(0, question.end + 3)
    assert.deepEqual(fitCounts(Buffer.from(label), label.length, question, true), cut)
  })

  test('leaves alone what is whole, what is followed by more, and what is broken', () => {
    const loop = Buffer.from(whole)
    loop.writeUInt16BE(0xc000 | question.end, question.end)
    const label = Buffer.from(whole)
    label[question.end] = 0x80
    const long = Buffer.concat([whole.subarray(0, question.end), Buffer.alloc(320, 1)])
    const more = Buffer.concat([whole, Buffer.alloc(7)])
    for (const b of [whole, more, loop, label, long]) {
      const before = Buffer.from(b)
      assert.equal(fitCounts(b, b.length, question, true), null)
      assert.deepEqual(b, before)
    }
  })

  test('property: never reads or keeps more than there is, whatever the octets', () => {
    const change = fc.tuple(fc.integer({ min: 4, max: whole.length - 1 }), fc.nat(255))
    const cut = fc.integer({ min: question.end, max: whole.length })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), cut, (changes, length) => {
        const b = Buffer.from(whole.subarray(0, length))
        for (const [at, octet] of changes) if (at < length) b[at] = octet
        const rest = fitCounts(b, length, question, true)
        if (rest === null) return
        assert.ok(rest.end >= question.end && rest.end <= length)
        assert.equal(fitCounts(b, rest.end, question, true), null, 'it is whole now')
      }),
      { numRuns: 2000 },
    )
  })
})
