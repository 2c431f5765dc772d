import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeFinish } from '../../src/serve/finish.ts'
import { Outcome } from '../../src/serve/query.ts'
import { addRecord, beginReply, endReply } from '../../src/serve/reply-writer.ts'
import { Class, Flag, Rcode, Type } from '../../src/wire/codes.ts'
import { Section } from '../../src/wire/header.ts'
import { a, message, opt, recordsOf, soa, wireName } from '../wire/message.ts'
import { accepted, FakeTarget } from './fake-target.ts'

const name = 'www.a.test'
const address = Buffer.from([192, 0, 2, 1])

describe('an answer of our own', () => {
  test('has the flags of the query, AA, its question and the records in order', () => {
    const target = new FakeTarget()
    const q = accepted(message({ id: 7, name, flags: Flag.RD | Flag.CD }), target)
    const data = soa('a.test', 60, 30).data as Buffer
    beginReply(q, Rcode.NXDomain)
    assert.ok(addRecord(q, Section.Answer, wireName(name), Type.A, 60, address))
    assert.ok(addRecord(q, Section.Authority, wireName('a.test'), Type.SOA, 60, data, Class.CH))
    endReply(q, 'toy')
    assert.deepEqual([q.outcome, q.answeredBy], [Outcome.Message, 'toy'])
    makeFinish([])(q)
    const flags = Flag.QR | Flag.AA | Flag.RD | Flag.CD | Rcode.NXDomain
    const authority = [{ ...soa('a.test', 60, 30), class: Class.CH }]
    const expected = message({ id: 7, name, flags, answer: [a(name)], authority })
    const { question } = q
    assert.deepEqual(target.sent[0]!.subarray(0, question.end), expected.subarray(0, question.end))
    assert.equal(target.sent[0]!.length, expected.length - 4 + address.length)
  })

  test('spells the name that was asked for once', () => {
    const q = accepted(message({ name }))
    beginReply(q)
    const before = q.outLength
    assert.ok(addRecord(q, Section.Answer, null, Type.A, 60, address))
    assert.equal(q.outLength, before + 2 + 10 + address.length)
    assert.equal(recordsOf(q.out.subarray(0, q.outLength), q.question).answerCount, 1)
  })

  test('begins anew, as often as it has to', () => {
    const q = accepted(message({ name, additional: [opt()] }))
    beginReply(q)
    addRecord(q, Section.Answer, null, Type.A, 60, address)
    beginReply(q)
    assert.equal(q.outLength, q.question.end)
    assert.equal(q.out.readUInt16BE(6), 0)
  })

  test('takes no record beyond the longest message, OPT included, and stays whole', () => {
    const q = accepted(message({ name }))
    beginReply(q)
    const fixed = q.outLength + 2 + 10 + 11
    assert.equal(
      addRecord(q, Section.Answer, null, Type.TXT, 60, Buffer.alloc(65_536 - fixed)),
      false,
    )
    assert.deepEqual([q.outLength, q.out.readUInt16BE(6)], [q.question.end, 0])
    assert.ok(addRecord(q, Section.Answer, null, Type.TXT, 60, Buffer.alloc(65_535 - fixed)))
    assert.equal(q.outLength, 65_535 - 11)
  })
})
