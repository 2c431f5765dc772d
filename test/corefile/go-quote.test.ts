import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quote } from '../../src/corefile/go-quote.ts'

test('quote() prints what Go prints with %q', () => {
  assert.equal(
    quote('a"b\\c\x07\b\f\n\r\t\v\x00\x1b\x7f\x85é'),
    String.raw`"a\"b\\c\a\b\f\n\r\t\v\x00\x1b\x7f\u0085é"`,
  )
})
