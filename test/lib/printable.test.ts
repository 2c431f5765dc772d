import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { printable, printableEntry, printableJson } from '../../src/lib/printable.ts'

test('what is printable stays as it is, a backslash included', () => {
  for (const text of ['', 'a b~', '\\x1b', 'Zürich 東京 …']) assert.equal(printable(text), text)
})

test('what a terminal obeys or hides is spelt', () => {
  assert.equal(printable('a\u001b[2Jb'), 'a\\x1b[2Jb')
  assert.equal(printable('\0\n\r\t\x7f'), '\\x00\\n\\r\\t\\x7f')
  assert.equal(printable('\u009b31m\u0085'), '\\u009b31m\\u0085')
  assert.equal(
    printable('\u202e\u2066\u200b\ufeff\u2028\u2029'),
    '\\u202e\\u2066\\u200b\\ufeff\\u2028\\u2029',
  )
  assert.equal(printable('\ud800'), '\\ud800')
  assert.equal(printable('\u{e0041}'), '\\udb40\\udc41')
})

test('twice is once', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const once = printable(text)
      assert.equal(printable(once), once)
      assert.doesNotMatch(once, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    }),
  )
})

test('an entry has further lines only where they are indented', () => {
  assert.equal(printableEntry('Error: x\n    at a\n\tat b'), 'Error: x\n    at a\n\tat b')
  assert.equal(printableEntry('x\n[ERROR] forged'), 'x\\n[ERROR] forged')
  assert.equal(printableEntry('x\r\n  y\u001bz'), 'x\\r\n  y\\x1bz')
})

test('a line of JSON means the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const line = `${JSON.stringify({ msg: text })}\n`
      const safe = printableJson(line)
      assert.doesNotMatch(safe.slice(0, -1), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      assert.deepEqual(JSON.parse(safe), { msg: text })
    }),
  )
})
