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
      // QR; the octet's other bits are free to differ.
      reply[at]! ^= at === 2 ? bits | 0x80 : bits
      const caseOnly = at > 12 && (reply[at]! ^ x.query[at]!) === 0x20 && isLetter(x.query[at]!)
      assert.equal(judgeReply(x, reply, reply.length) === Verdict.Answer, caseOnly)
    }),
  )
})

test('judgeReply() knows a datagram that ends inside its question; a stream has no such thing', () => {
  const reply = answerTo(x.query)
  reply.write('WWW', 13)
  for (let length = 12; length < x.question.end; length++) {
    assert.equal(judgeReply(x, reply, length, true), Verdict.Cut)
    assert.equal(judgeReply(x, reply, length), Verdict.Mismatch)
  }
  assert.equal(judgeReply(x, reply, x.question.end, true), Verdict.Answer)
  // Another name, another type: not even the beginning is right.
  for (const at of [13, 20, x.question.end - 3]) {
    const other = Buffer.from(reply)
    other[at]! ^= 1
    assert.equal(judgeReply(x, other, at + 1, true), Verdict.Mismatch)
  }
})

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

function isLetter(octet: number): boolean {
  return /[a-z]/i.test(String.fromCharCode(octet))
}
