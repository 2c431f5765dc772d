import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Flag, Type } from '../../src/wire/codes.ts'
import { readFlags } from '../../src/wire/header.ts'
import { Records, scanRecords } from '../../src/wire/records.ts'
import { WireStatus } from '../../src/wire/status.ts'
import { truncate } from '../../src/wire/truncate.ts'
import {
  a,
  message,
  ns,
  questionOf,
  recordsOf,
  soa,
  type TestMessage,
  type TestRecord,
} from './message.ts'

/** Truncates a message by dropping at least one octet of what `keep` does not contain. */
function cut(whole: TestMessage, keep: TestMessage): { kept: Buffer; truncated: boolean } {
  const b = message(whole)
  const question = questionOf(b)
  const limit = message(keep).length
  const length = truncate(b, recordsOf(b, question), question, limit)
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
    assert.equal(truncate(b, recordsOf(b, question), question, 0), question.end)
  })

  test('says by TC that an RRset is left in parts, and leaves no less than fits', () => {
    const glue = [a('NS.example.com'), a('ns.example.com'), a('ns.Example.com')]
    const whole = { answer, authority, additional: [a('b.example.com'), ...glue] }
    for (const some of [0, 1, 2]) {
      const room = { answer, authority, additional: [a('b.example.com'), ...glue.slice(0, some)] }
      assert.deepEqual(cut(whole, room), { kept: message(room), truncated: some > 0 })
    }
  })

  test('knows RRsets by name, type and class, and by section', () => {
    const other: readonly TestRecord[] = [
      a('y.example.com'),
      { ...a('x.example.com'), type: Type.TXT },
      { ...a('x.example.com'), class: 3 },
    ]
    for (const record of other) {
      const room = { answer, additional: [a('x.example.com')] }
      const whole = { answer, additional: [a('x.example.com'), record] }
      assert.deepEqual(cut(whole, room), { kept: message(room), truncated: false })
    }
    const room = { answer, authority: [a('x.example.com')] }
    const whole = { ...room, additional: [a('x.example.com')] }
    assert.deepEqual(cut(whole, room), { kept: message(room), truncated: false })
  })

  test('yields a sound prefix within the limit, for any message and limit', () => {
    const record = fc.tuple(fc.nat(2), fc.nat(40)).map(([owner, size]) => ({
      name: `x${owner}.example`,
      type: Type.TXT,
      data: Buffer.alloc(size, 1),
    }))
    const section = fc.array(record, { maxLength: 12 })
    fc.assert(
      fc.property(section, section, section, fc.nat(1500), (an, au, ad, limit) => {
        const b = message({ answer: an, authority: au, additional: ad })
        const whole = Buffer.from(b)
        const question = questionOf(b)
        const before = recordsOf(b, question)
        const length = truncate(b, before, question, limit)
        const after = new Records()
        assert.equal(scanRecords(b, length, question, after), WireStatus.Ok)
        assert.equal(after.end, length)
        assert.ok(length <= Math.max(limit, question.end))
        assert.deepEqual(b.subarray(12, length), whole.subarray(12, length))
        const rrsets = [...an, ...au, ...ad].map(({ name }, i) => {
          const inAuthority = i >= an.length && i < an.length + au.length
          return `${i < an.length ? 'an' : inAuthority ? 'au' : 'ad'} ${name}`
        })
        let expected = before.count
        while (expected > 0 && before.ends[expected - 1]! > limit) expected--
        assert.equal(after.count, expected, 'no more is dropped than must be')
        const isSplit = expected > 0 && rrsets[expected - 1] === rrsets[expected]
        assert.equal((readFlags(b) & Flag.TC) !== 0, isShort(before, after) || isSplit)
      }),
      { numRuns: 500 },
    )
  })
})

/** Whether the client misses part of the answer (no SOA, NSEC or NXDOMAIN in these messages). */
function isShort(before: Records, after: Records): boolean {
  if (before.answerCount > 0) return after.answerCount < before.answerCount
  return after.authorityCount < before.authorityCount
}
