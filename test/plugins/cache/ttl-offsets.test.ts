import assert from 'node:assert/strict'
import { test } from 'node:test'

import { changeTtls, writeTtlOffsets } from '../../../src/plugins/cache/ttl-offsets.ts'
import { a, message, recordsOf } from '../../wire/message.ts'

test('TTLs are found by their offsets and lowered, not below 0, or set', () => {
  const answer = [a('x', 10), a('y', 100), a('z', 0)]
  const page = Buffer.alloc(20, 0xee)
  const end = writeTtlOffsets(page, 4, recordsOf(message({ answer })))
  assert.deepEqual([end, page.readUInt32BE(0), page.readUInt32BE(10)], [10, 0xeeeeeeee, 0xeeeeeeee])
  const changed = (elapsed: number, fixed: number): Buffer => {
    const out = message({ answer })
    changeTtls(page, 4, 3, out, elapsed, fixed)
    return out
  }
  assert.deepEqual(changed(11, -1), message({ answer: [a('x', 0), a('y', 89), a('z', 0)] }))
  assert.deepEqual(changed(11, 30), message({ answer: [a('x', 30), a('y', 30), a('z', 30)] }))
  assert.deepEqual(changed(0, 0), message({ answer: [a('x', 0), a('y', 0), a('z', 0)] }))
})
