import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Outcome } from '../../src/serve/query.ts'
import { classOf, kindOf, ResponseClass } from '../../src/serve/response-class.ts'
import { ResponseKind } from '../../src/wire/classify.ts'
import { Rcode } from '../../src/wire/codes.ts'
import { message } from '../wire/message.ts'
import { accepted } from './fake-target.ts'

test('a reply that cannot be read is an error of another kind', () => {
  const q = accepted(message({ name: 'www.test' }))
  // A question, and a record that ends too soon.
  const reply = Buffer.concat([message({ name: 'www.test', flags: 0x8180 }), Buffer.from([0xc0])])
  reply.writeUInt16BE(1, 6)
  q.out = reply
  q.outLength = reply.length
  q.outcome = Outcome.Message
  q.rcode = Rcode.NoError
  assert.equal(kindOf(q), ResponseKind.OtherError)
  assert.equal(classOf(q), ResponseClass.Error)
})
