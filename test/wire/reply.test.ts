import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import DNS from 'dns2'
import { Flag, Rcode } from '../../src/wire/codes.ts'
import { writeOpt } from '../../src/wire/edns.ts'
import { readFlags, readId } from '../../src/wire/header.ts'
import { patchReply, writeFailure } from '../../src/wire/reply.ts'
import { a, message, opt, questionOf, recordsOf } from './message.ts'

describe('writeFailure()', () => {
  const query = message({
    id: 0xbeef,
    flags: Flag.RD | Flag.CD | Flag.AD | Flag.Z,
    name: 'wWw.eXample.com',
    additional: [opt()],
  })
  const question = questionOf(query)
  const out = Buffer.alloc(512, 0xff)

  test('echoes id, opcode, RD, CD and the question in its own case', () => {
    const length = writeFailure(out, query, readFlags(query), question, Rcode.ServFail)
    const expected = message({
      id: 0xbeef,
      flags: Flag.QR | Flag.RD | Flag.CD | Rcode.ServFail,
      name: 'wWw.eXample.com',
    })
    assert.deepEqual(out.subarray(0, length), expected)
  })

  test('reads the same in dns2', () => {
    const length = writeFailure(out, query, Flag.RD, question, Rcode.Refused, Flag.RA | Flag.TC)
    const { header, questions } = DNS.Packet.parse(out.subarray(0, length))
    assert.deepEqual([header.id, header.qr, header.rcode], [0xbeef, 1, 5])
    assert.deepEqual([header.rd, header.ra, header.tc, header.aa], [1, 1, 1, 0])
    assert.equal(questions[0]?.name, 'wWw.eXample.com')
  })

  test('is a bare header where no question could be read', () => {
    const length = writeFailure(out, query, 5 << 11, null, Rcode.NotImp)
    assert.equal(length, 12)
    assert.equal(out.toString('hex', 0, length), 'beefa8040000000000000000')
  })

  test('copies neither RD nor CD of a NOTIFY', () => {
    writeFailure(out, query, (4 << 11) | Flag.RD | Flag.CD, question, Rcode.Refused)
    assert.equal(readFlags(out), Flag.QR | (4 << 11) | Rcode.Refused)
  })

  test('makes BADVERS together with writeOpt()', () => {
    const end = writeFailure(out, query, 0, question, Rcode.BadVers)
    const length = writeOpt(out, end, 1232, Rcode.BadVers >> 4, false)
    assert.equal(readFlags(out), Flag.QR)
    assert.equal(recordsOf(out.subarray(0, length), question).rcode, Rcode.BadVers)
  })
})

describe('patchReply()', () => {
  test('gives a stored reply the id, flags and letter case of this client, and no more', () => {
    const stored = message({ id: 1, name: 'www.example.com', answer: [a('www.example.com')] })
    const query = message({ id: 7, flags: 0x0110, name: 'WwW.example.COM' })
    patchReply(stored, query, questionOf(query), 7, 0x8190)
    const expected = message({
      id: 7,
      flags: 0x8190,
      name: 'WwW.example.COM',
      answer: [a('www.example.com')],
    })
    assert.deepEqual(stored, expected)
    assert.equal(readId(stored), 7)
  })
})
