import assert from 'node:assert/strict'
import { test } from 'node:test'
import DNS from 'dns2'
import { Flag } from '../../src/wire/codes.ts'
import {
  HEADER_SIZE,
  opcodeOf,
  rcodeOf,
  readCount,
  readFlags,
  readId,
  Section,
  writeCount,
  writeFlags,
  writeId,
} from '../../src/wire/header.ts'

test('a header written here reads the same in dns2', () => {
  const b = Buffer.alloc(HEADER_SIZE)
  writeId(b, 0xbeef)
  writeFlags(b, Flag.QR | (4 << 11) | Flag.AA | Flag.RD | 3)
  writeCount(b, Section.Answer, 300)
  writeCount(b, Section.Authority, 2)
  writeCount(b, Section.Additional, 65535)
  const header = DNS.Packet.Header.parse(b)
  assert.equal(header.id, 0xbeef)
  assert.deepEqual([header.qr, header.opcode, header.aa, header.tc], [1, 4, 1, 0])
  assert.deepEqual([header.rd, header.ra, header.z, header.rcode], [1, 0, 0, 3])
  assert.deepEqual([header.ancount, header.nscount, header.arcount], [300, 2, 65535])
})

test('a header reads back as written', () => {
  const b = Buffer.alloc(HEADER_SIZE)
  writeId(b, 0xbeef)
  writeFlags(b, Flag.QR | (4 << 11) | 3)
  for (const section of Object.values(Section)) writeCount(b, section, 1000 + section)
  assert.equal(readId(b), 0xbeef)
  assert.equal(opcodeOf(readFlags(b)), 4)
  assert.equal(rcodeOf(readFlags(b)), 3)
  for (const section of Object.values(Section)) assert.equal(readCount(b, section), 1000 + section)
})
