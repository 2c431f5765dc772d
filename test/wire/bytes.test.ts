import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lowerCase, read16, read32, write16, write32 } from '../../src/wire/bytes.ts'

test('integers read back as written, in network order', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.nat(0xffffffff), (word, double) => {
      const b = Buffer.alloc(8)
      write16(b, 1, word)
      write32(b, 3, double)
      assert.equal(read16(b, 1), word)
      assert.equal(b.readUInt16BE(1), word)
      assert.equal(read32(b, 3), double)
      assert.equal(b.readUInt32BE(3), double)
    }),
  )
})

test('lowerCase folds ASCII letters and nothing else', () => {
  for (let octet = 0; octet < 256; octet++) {
    const letter = octet >= 65 && octet <= 90
    assert.equal(lowerCase[octet], letter ? octet + 32 : octet)
  }
})
