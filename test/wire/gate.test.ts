import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Flag } from '../../src/wire/codes.ts'
import { gate } from '../../src/wire/gate.ts'
import { HEADER_SIZE, Section, writeCount, writeFlags } from '../../src/wire/header.ts'
import { WireStatus } from '../../src/wire/status.ts'

function header(flags: number, qd = 1, an = 0, ns = 0, ar = 0): Buffer {
  const b = Buffer.alloc(HEADER_SIZE)
  writeFlags(b, flags)
  writeCount(b, Section.Question, qd)
  writeCount(b, Section.Answer, an)
  writeCount(b, Section.Authority, ns)
  writeCount(b, Section.Additional, ar)
  return b
}

test('gate() passes queries and notifications', () => {
  assert.equal(gate(header(Flag.RD), HEADER_SIZE), WireStatus.Ok)
  assert.equal(gate(header(4 << 11, 1, 1, 1, 2), HEADER_SIZE), WireStatus.Ok)
})

test('gate() ignores replies and anything shorter than a header', () => {
  assert.equal(gate(header(Flag.QR), HEADER_SIZE), WireStatus.Ignore)
  for (let length = 0; length < HEADER_SIZE; length++) {
    assert.equal(gate(header(0), length), WireStatus.Ignore)
  }
})

test('gate() answers NOTIMP to every other opcode, whatever the counts', () => {
  for (let opcode = 0; opcode < 16; opcode++) {
    const expected = opcode === 0 || opcode === 4 ? WireStatus.FormErr : WireStatus.NotImp
    assert.equal(gate(header(opcode << 11, 0), HEADER_SIZE), expected)
  }
})

test('gate() answers FORMERR to impossible counts', () => {
  assert.equal(gate(header(0, 0), HEADER_SIZE), WireStatus.FormErr)
  assert.equal(gate(header(0, 2), HEADER_SIZE), WireStatus.FormErr)
  assert.equal(gate(header(0, 257), HEADER_SIZE), WireStatus.FormErr)
  assert.equal(gate(header(0, 1, 2), HEADER_SIZE), WireStatus.FormErr)
  assert.equal(gate(header(0, 1, 0, 2), HEADER_SIZE), WireStatus.FormErr)
  assert.equal(gate(header(0, 1, 0, 0, 3), HEADER_SIZE), WireStatus.FormErr)
})

test('gate() survives arbitrary octets', () => {
  const known = new Set<number>(Object.values(WireStatus))
  fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), (b) => known.has(gate(b, b.length))))
})
