import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  MAX_QUERY_SIZE,
  QueryBatch,
  querySize,
  writeQuery,
} from '../../src/upstream/query-writer.ts'
import { Edns, findOption, MAX_OPTIONS, readQueryOpt, writeOption } from '../../src/wire/edns.ts'
import { WireStatus } from '../../src/wire/status.ts'
import { nameText } from '../../src/wire/question.ts'
import { questionOf } from '../wire/message.ts'
import { exchange } from './channel.ts'

test('writeQuery() asks the question as it was spelt, with flags and OPT of its own', () => {
  const x = exchange('WwW.Example.com')
  x.id = 0xbeef
  // RD and CD travel; a client's Z, TC and rcode do not.
  x.flags = 0x0100 | 0x0010 | 0x0200 | 0x0040 | 5
  for (const dnssecOk of [false, true]) {
    x.dnssecOk = dnssecOk
    const out = Buffer.alloc(600, 0xee)
    const end = writeQuery(out, 7, x)
    assert.equal(end - 7, querySize(x))
    const query = out.subarray(7, end)
    assert.equal(query.readUInt16BE(0), 0xbeef)
    assert.equal(query.readUInt16BE(2), 0x0130, 'RD, CD, and AD of our own')
    const question = questionOf(query)
    assert.equal(nameText(query, question), 'WwW.Example.com.')
    const edns = new Edns()
    assert.equal(readQueryOpt(query, query.length, question, edns), WireStatus.Ok)
    assert.equal(edns.present, true)
    assert.equal(edns.udpSize, 1232)
    assert.equal(edns.dnssecOk, dnssecOk)
    assert.equal(out[end], 0xee)
  }
})

test('writeQuery() leaves OPT out for a server that cannot read it', () => {
  const x = exchange('www.example.com')
  x.edns = false
  const out = Buffer.alloc(600)
  const end = writeQuery(out, 0, x)
  assert.equal(end, x.question.end)
  assert.equal(end, querySize(x))
  assert.equal(out.readUInt16BE(10), 0)
})

test('writeQuery() sends the options that a plugin gave, and asks for less where it says so', () => {
  const x = exchange('www.example.com')
  x.options = writeOption(0xffee, Buffer.from('abcd'))
  x.udpSize = 512
  const out = Buffer.alloc(600, 0xee)
  const end = writeQuery(out, 7, x)
  assert.equal(end - 7, querySize(x))
  const query = out.subarray(7, end)
  const question = questionOf(query)
  const edns = new Edns()
  assert.equal(readQueryOpt(query, query.length, question, edns), WireStatus.Ok)
  assert.equal(edns.udpSize, 512)
  assert.equal(findOption(query, question, 0xffee)!.toString(), 'abcd')
  x.edns = false
  assert.equal(writeQuery(out, 0, x), x.question.end, 'no OPT, no options')
  x.edns = true
  x.options = null
  x.udpSize = 4096
  assert.equal(writeQuery(out, 0, x), x.question.end + 11)
  assert.equal(out.readUInt16BE(x.question.end + 3), 1232)
})

test('a batch has room for the longest options, and says when it is full', () => {
  const x = exchange(`${'x'.repeat(63)}.${'x'.repeat(63)}.${'x'.repeat(63)}.${'x'.repeat(61)}`)
  x.options = writeOption(1, Buffer.alloc(MAX_OPTIONS - 4))
  assert.equal(querySize(x), MAX_QUERY_SIZE)
  const batch = new QueryBatch()
  let count = 0
  while (batch.makeRoom(x)) {
    batch.add(x)
    count++
  }
  assert.equal(count, 6)
  assert.equal(batch.take().length, 6 * (2 + MAX_QUERY_SIZE))
})
