import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { markCut } from '../../src/wire/cut.ts'
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

describe('markCut()', () => {
  test('keeps the whole records, wherever the message ends, and sets TC', () => {
    scan(whole, whole.length)
    const ends = [question.end, ...records.ends.subarray(0, records.count)]
    for (let length = question.end; length < whole.length; length++) {
      const b = Buffer.from(whole.subarray(0, length))
      const kept = ends.findLastIndex((end) => end <= length)
      assert.equal(markCut(b, length, question), ends[kept], `${length} octets`)
      assert.equal(readFlags(b), readFlags(whole) | Flag.TC)
      assert.equal(scan(b, ends[kept]!), WireStatus.Ok)
      assert.deepEqual(
        [records.answerCount, records.authorityCount, records.additionalCount],
        [Math.min(kept, 3), Math.max(0, Math.min(kept - 3, 2)), Math.max(0, kept - 5)],
      )
    }
  })

  test('takes counts beyond the records for a cut, in any section', () => {
    const optAt = whole.length - 11
    for (const [section, end, count] of [
      // As many answers and authorities would take OPT for one of theirs.
      [6, optAt, 6],
      [8, optAt, 6],
      [10, whole.length, 7],
    ] as const) {
      const b = Buffer.from(whole)
      b[section] = 0xff
      assert.equal(markCut(b, b.length, question), end)
      assert.equal(scan(b, end), WireStatus.Ok)
      assert.equal(records.count, count)
    }
  })

  test('knows a pointer and a label that are cut', () => {
    const name = Buffer.from([...whole.subarray(0, question.end), 3, 0x77, 0x77, 0x77, 0xc0])
    assert.equal(markCut(Buffer.from(name), name.length, question), question.end)
    const label = name.subarray(0, question.end + 3)
    assert.equal(markCut(Buffer.from(label), label.length, question), question.end)
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
      assert.equal(markCut(b, b.length, question), -1)
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
        const end = markCut(b, length, question)
        assert.ok(end === -1 || (end >= question.end && end <= length))
        if (end >= 0) assert.equal(markCut(b, end, question), -1, 'it is whole now')
      }),
      { numRuns: 2000 },
    )
  })
})
