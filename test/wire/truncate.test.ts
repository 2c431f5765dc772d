import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Flag, Type } from '../../src/wire/codes.ts'
import { readFlags } from '../../src/wire/header.ts'
import { Records, scanRecords } from '../../src/wire/records.ts'
import { WireStatus } from '../../src/wire/status.ts'
import { truncate } from '../../src/wire/truncate.ts'
import { a, message, ns, questionOf, recordsOf, soa, type TestMessage } from './message.ts'

/** Truncates a message by dropping at least one octet of what `keep` does not contain. */
function cut(whole: TestMessage, keep: TestMessage): { kept: Buffer; truncated: boolean } {
  const b = message(whole)
  const question = questionOf(b)
  const limit = message(keep).length
  const length = truncate(b, b.length, recordsOf(b, question), question, limit)
  const truncated = (readFlags(b) & Flag.TC) !== 0
  b[2]! &= ~(Flag.TC >> 8)
  return { kept: b.subarray(0, length), truncated }
}

describe('truncate()', () => {
  const answer = [a('a.example.com'), a('b.example.com')]
  const authority = [ns('example.com', 'ns.example.com')]
  const additional = [a('ns.example.com')]

  test('leaves a message that fits alone', () => {
    const whole = { answer, authority, additional }
    assert.deepEqual(cut(whole, whole), { kept: message(whole), truncated: false })
  })

  test('drops additional and authority records without TC', () => {
    const noGlue = { answer, authority }
    const cutGlue = cut({ ...noGlue, additional }, noGlue)
    assert.deepEqual(cutGlue, { kept: message(noGlue), truncated: false })
    const cutBoth = cut({ ...noGlue, additional }, { answer })
    assert.deepEqual(cutBoth, { kept: message({ answer }), truncated: false })
  })

  test('sets TC where an answer had to go', () => {
    const less = { answer: answer.slice(0, 1) }
    assert.deepEqual(cut({ answer }, less), { kept: message(less), truncated: true })
  })

  test('sets TC where a negative answer or a referral loses its authority', () => {
    for (const flags of [0x8180, 0x8183]) {
      const lost = cut({ flags, authority: [soa('example.com', 60, 60)] }, { flags })
      assert.deepEqual(lost, { kept: message({ flags }), truncated: true })
    }
    assert.ok(cut({ authority, additional }, {}).truncated)
    assert.ok(!cut({ authority, additional }, { authority }).truncated)
  })

  test('sets TC where a CNAME to nowhere loses its SOA', () => {
    const flags = 0x8183
    assert.ok(
      cut({ flags, answer, authority: [soa('example.com', 60, 60)] }, { flags, answer }).truncated,
    )
  })

  test('sets TC where a wildcard answer loses its proof', () => {
    for (const type of [Type.NSEC, Type.NSEC3]) {
      const proof = { name: 'example.com', type, data: Buffer.alloc(20) }
      assert.ok(cut({ answer, authority: [...authority, proof] }, { answer }).truncated)
    }
  })

  test('never goes below header and question', () => {
    const b = message({ answer })
    const question = questionOf(b)
    assert.equal(truncate(b, b.length, recordsOf(b, question), question, 0), question.end)
  })

  test('yields a sound prefix within the limit, for any message and limit', () => {
    const records = fc.array(fc.nat(40), { maxLength: 12 })
    fc.assert(
      fc.property(records, records, records, fc.nat(1500), (an, au, ad, limit) => {
        const txt = (n: number): TestMessage['answer'] & object => [
          { name: 'x.example', type: Type.TXT, data: Buffer.alloc(n, 1) },
        ]
        const b = message({
          answer: an.flatMap(txt),
          authority: au.flatMap(txt),
          additional: ad.flatMap(txt),
        })
        const whole = Buffer.from(b)
        const question = questionOf(b)
        const before = recordsOf(b, question)
        const length = truncate(b, b.length, before, question, limit)
        const after = new Records()
        assert.equal(scanRecords(b, length, question, after), WireStatus.Ok)
        assert.equal(after.end, length)
        assert.ok(length <= Math.max(limit, question.end))
        assert.deepEqual(b.subarray(12, length), whole.subarray(12, length))
        const nextEnd = after.count < before.count ? before.ends[after.count]! : Infinity
        assert.ok(nextEnd > limit, 'nothing that fits is dropped')
        assert.equal((readFlags(b) & Flag.TC) !== 0, isShort(before, after))
      }),
      { numRuns: 300 },
    )
  })
})

/** Whether the client misses part of the answer (no SOA, NSEC or NXDOMAIN in these messages). */
function isShort(before: Records, after: Records): boolean {
  if (before.answerCount > 0) return after.answerCount < before.answerCount
  return after.authorityCount < before.authorityCount
}
