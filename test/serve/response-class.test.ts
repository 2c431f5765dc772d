import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Outcome, type Query } from '../../src/serve/query.ts'
import { classOf, kindOf, ResponseClass } from '../../src/serve/response-class.ts'
import { ResponseKind } from '../../src/wire/classify.ts'
import { a, message, opt, soa } from '../wire/message.ts'
import { accepted } from './fake-target.ts'

/** A query that was answered with this message. */
function answered(reply: Buffer, dnssecOk = false): Query {
  const additional = dnssecOk ? [opt({ dnssecOk })] : []
  const q = accepted(message({ name: 'www.test', additional }))
  q.out = reply
  q.outLength = reply.length
  q.outcome = Outcome.Message
  q.rcode = reply.readUInt16BE(2) & 15
  return q
}

const kinds: readonly (readonly [string, Buffer, ResponseKind])[] = [
  [
    'an answer',
    message({ name: 'www.test', flags: 0x8180, answer: [a('www.test')] }),
    ResponseKind.NoError,
  ],
  [
    'no name',
    message({ name: 'www.test', flags: 0x8183, authority: [soa('test', 60, 60)] }),
    ResponseKind.NameError,
  ],
  [
    'a name and none',
    message({ name: 'www.test', flags: 0x8183, answer: [a('www.test')] }),
    ResponseKind.OtherError,
  ],
  [
    'no data',
    message({ name: 'www.test', flags: 0x8180, authority: [soa('test', 60, 60)] }),
    ResponseKind.NoData,
  ],
  ['nothing at all', message({ name: 'www.test', flags: 0x8180 }), ResponseKind.NoError],
  ['SERVFAIL', message({ name: 'www.test', flags: 0x8182 }), ResponseKind.ServerError],
  ['REFUSED', message({ name: 'www.test', flags: 0x8185 }), ResponseKind.OtherError],
]

for (const [what, reply, kind] of kinds) {
  test(`${what}, with DO and without`, () => {
    assert.equal(kindOf(answered(reply)), kind)
    assert.equal(kindOf(answered(reply, true)), kind)
  })
}

test('a reply that cannot be read is an error of another kind', () => {
  // A question, and a record that ends too soon.
  const reply = Buffer.concat([message({ name: 'www.test', flags: 0x8180 }), Buffer.from([0xc0])])
  reply.writeUInt16BE(1, 6)
  const q = answered(reply, true)
  assert.equal(kindOf(q), ResponseKind.OtherError)
  assert.equal(classOf(q), ResponseClass.Error)
})
