import assert from 'node:assert/strict'
import { test } from 'node:test'

import dns, { type Resource } from 'dns2'

import { AnswerReader, addressQuery } from './message.ts'
import { DNSLET, Outcome } from './samples.ts'

/** An answer to our own query, as another implementation writes it. */
function answer(ttl: number, address: string, rcode = 0): Buffer {
  const query = dns.Packet.parse(addressQuery('who.cluster.local'))
  const reply = dns.Packet.createResponseFromRequest(query)
  reply.header.rcode = rcode
  const { A } = dns.Packet.TYPE
  if (rcode === 0) {
    const record = { name: 'who.cluster.local', type: A, class: 1, ttl, address }
    reply.answers.push(record as Resource)
  }
  return reply.toBuffer()
}

test('who answered is read from the TTL and the last octet of the address', () => {
  const reader = new AnswerReader()
  const read = (message: Buffer): unknown[] => {
    message.writeUInt16BE(4711, 0)
    reader.read(message, message.length)
    return [reader.id, reader.outcome, reader.by, reader.ttl]
  }
  assert.deepEqual(read(answer(30, '198.51.100.1')), [4711, Outcome.Answered, DNSLET, 30])
  assert.deepEqual(read(answer(3600, '198.51.100.0')), [4711, Outcome.Answered, DNSLET + 1, 3600])
  assert.deepEqual(read(answer(3600, '198.51.100.1')), [4711, Outcome.Answered, DNSLET + 2, 3600])
  assert.deepEqual(read(answer(0, '', 2)), [4711, Outcome.Failed, 0, 0])
})

test('a message cut short is no answer', () => {
  const reader = new AnswerReader()
  const whole = answer(30, '198.51.100.1')
  for (let length = 0; length < whole.length; length++) {
    reader.read(whole, length)
    assert.equal(reader.outcome, Outcome.Failed, `${length} octets`)
  }
})
