import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { judgeReply, Verdict } from '../../src/upstream/reply-check.ts'
import { exchange } from './channel.ts'
import { answerTo } from './scripted.ts'

const x = exchange('www.example.com')

test('judgeReply() takes the echo of the question in any case', () => {
  const reply = answerTo(x.query)
  assert.equal(judgeReply(x, reply, reply.length), Verdict.Answer)
  reply.write('WWW', 13)
  assert.equal(judgeReply(x, reply, reply.length), Verdict.Answer)
})

test('judgeReply() knows an error without a question', () => {
  const reply = answerTo(x.query, 0x8181, 0).subarray(0, 12)
  reply.writeUInt16BE(0, 4)
  assert.equal(judgeReply(x, reply, 12), Verdict.BareError)
  reply.writeUInt16BE(0x8180, 2)
  assert.equal(judgeReply(x, reply, 12), Verdict.Mismatch)
})

test('judgeReply() refuses a reply with any octet of header or question changed', () => {
  const { end } = x.question
  const flip = fc.tuple(
    fc.constantFrom(2, 4, 5, ...range(12, end)),
    fc.integer({ min: 1, max: 255 }),
  )
  fc.assert(
    fc.property(flip, ([at, bits]) => {
      const reply = answerTo(x.query)
      // QR and opcode; the octet's other bits are free to differ.
      reply[at]! ^= at === 2 ? bits & 0xf8 || 0x80 : bits
      const caseOnly = at > 12 && (reply[at]! ^ x.query[at]!) === 0x20 && isLetter(x.query[at]!)
      assert.equal(judgeReply(x, reply, reply.length) === Verdict.Answer, caseOnly)
    }),
  )
})

test('judgeReply() refuses a reply that ends inside its question', () => {
  const reply = answerTo(x.query)
  for (let length = 12; length < x.question.end; length++) {
    assert.equal(judgeReply(x, reply, length), Verdict.Mismatch)
  }
})

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

function isLetter(octet: number): boolean {
  return /[a-z]/i.test(String.fromCharCode(octet))
}
