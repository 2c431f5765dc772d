import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Flag, Type } from '../../src/wire/codes.ts'
import { makeQuery, writeQueryHeader } from '../../src/wire/query.ts'
import { message } from './message.ts'

test('makeQuery() makes a query, and none for what is no name', () => {
  const made = makeQuery(7, Flag.RD, 'a.example.', Type.NS)
  assert.deepEqual(made, message({ id: 7, flags: 0x0100, name: 'a.example.', type: Type.NS }))
  assert.equal(makeQuery(7, 0, `${'x'.repeat(64)}.`, Type.A), null)
})

test('writeQueryHeader() overwrites all of a header, and nothing else', () => {
  const out = Buffer.alloc(16, 0xff)
  writeQueryHeader(out, 2, 0x1234, Flag.CD, 1)
  assert.equal(out.toString('hex'), 'ffff' + '123400100001000000000001' + 'ffff')
})
