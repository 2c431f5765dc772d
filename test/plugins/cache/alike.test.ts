import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alikeSize } from '../../../src/plugins/cache/alike.ts'
import { Type } from '../../../src/wire/codes.ts'
import { compress } from '../../../src/wire/compress.ts'
import {
  a,
  cname,
  message,
  ns,
  questionOf,
  recordsOf,
  type TestMessage,
  type TestRecord,
} from '../../wire/message.ts'

const name = 'www.example.com'

function sizeOf(m: TestMessage, compressed = true): number {
  const wire = message({ name, ...m })
  const question = questionOf(wire)
  if (!compressed) return alikeSize(wire, question.end, recordsOf(wire, question))
  const out = Buffer.alloc(wire.length)
  const length = compress(wire, recordsOf(wire, question), question, out)
  const records = recordsOf(out.subarray(0, length), question)
  return alikeSize(out, question.end, records)
}

function ipv6(ttl = 60): TestRecord {
  return { name, type: Type.AAAA, ttl, data: Buffer.alloc(16, 7) }
}

test('addresses of one name and type with one TTL are alike', () => {
  assert.equal(sizeOf({ answer: [a(name), a(name), a(name)] }), 16)
  assert.equal(sizeOf({ answer: [ipv6(), ipv6()] }), 28)
  const beside = { authority: [ns('example.com', 'a.test')], additional: [a('a.test')] }
  assert.equal(sizeOf({ answer: [a(name), a(name)], ...beside }), 16)
})

test('answers are not alike of which one differs, or beside which others may have an order', () => {
  const two = [a(name), a(name)]
  const others: TestMessage[] = [
    { answer: [a(name)] },
    { answer: [] },
    { answer: [a(name), a(name, 61)] },
    { answer: [...two, ipv6()] },
    { answer: [ipv6(), a(name)] },
    { answer: [...two, a('other.test')] },
    { answer: [a('b.test'), a(name), a('b.test')] },
    { answer: [...two, { ...a(name), class: 3 }] },
    { answer: [cname(name, 'other.test'), a('other.test'), a('other.test')] },
    { answer: two, authority: [ns('example.com', 'a.test'), ns('example.com', 'b.test')] },
    { answer: two, additional: [a('a.test'), a('a.test')] },
    { answer: [cname(name, 'b.test'), cname(name, 'b.test')] },
    { answer: two, flags: 0x8183 },
  ]
  for (const m of others) assert.equal(sizeOf(m), 0, JSON.stringify(m))
  // Names in full, as nobody's answers have them once they have come by `forward`.
  assert.equal(sizeOf({ answer: two }, false), 0)
})
