import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { duration, formatDuration } from '../../src/corefile/duration.ts'
import { messageOf, token } from './support.ts'

describe('duration()', () => {
  const good = [
    ['0', 0],
    ['-0', 0],
    ['300ms', 300],
    ['5s', 5_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['-1.5s', -1_500],
    ['+2m', 120_000],
    ['.5s', 500],
    ['1.s', 1_000],
    ['60ns', 0.000_06],
    ['1us', 0.001],
    ['1\u00b5s', 0.001],
    ['1\u03bcs', 0.001],
    ['00000000000000000000001s', 1_000],
    ['0.0000000000000000000000000001s', 0],
    ['2562047h47m16.854775807s', (2 ** 63 - 1) / 1e6],
    ['-2562047h47m16.854775808s', -(2 ** 63) / 1e6],
  ] as const
  for (const [text, milliseconds] of good) {
    test(`reads ${text}`, () => assert.equal(duration(token(text)) + 0, milliseconds))
  }

  const bad = [
    ['', 'invalid duration ""'],
    ['-', 'invalid duration "-"'],
    ['s', 'invalid duration "s"'],
    ['.s', 'invalid duration ".s"'],
    ['30', 'missing unit in duration "30"'],
    ['1.5.5s', 'missing unit in duration "1.5.5s"'],
    ['5x', 'unknown unit "x" in duration "5x"'],
    ['1d', 'unknown unit "d" in duration "1d"'],
    ['1h 30m', 'unknown unit "h " in duration "1h 30m"'],
    ['2562047h47m16.854775808s', 'invalid duration "2562047h47m16.854775808s"'],
    ['-2562047h47m16.854775809s', 'invalid duration "-2562047h47m16.854775809s"'],
    ['99999999999999999999s', 'invalid duration "99999999999999999999s"'],
  ] as const
  for (const [text, reason] of bad) {
    test(`rejects "${text}" in the words of Go`, () => {
      assert.equal(
        messageOf(() => duration(token(text))),
        `/etc/Corefile:1 - time: ${reason}`,
      )
    })
  }

  test('throws nothing but CorefileError, fast, whatever the text', () => {
    const part = fc.constantFrom('1', '999999', '.', 's', 'h', 'ms', '-', 'é', '0'.repeat(10_000))
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const message = messageOf(() => duration(token(parts.join(''))))
        assert.ok(message === undefined || message.startsWith('/etc/Corefile:1 - time: '))
      }),
    )
  })
})

describe('formatDuration()', () => {
  const table = [
    [0, '0s'],
    [0.000_06, '60ns'],
    [0.0015, '1.5µs'],
    [300, '300ms'],
    [1_500, '1.5s'],
    [60_000, '1m0s'],
    [3_600_000, '1h0m0s'],
    [5_400_500, '1h30m0.5s'],
    [-2_000, '-2s'],
    [-90_000, '-1m30s'],
    [-0.5, '-500µs'],
  ] as const
  for (const [milliseconds, text] of table) {
    test(`writes ${text}`, () => assert.equal(formatDuration(milliseconds), text))
  }

  test('writes what duration() reads back', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), (milliseconds) => {
        assert.equal(duration(token(formatDuration(milliseconds))) + 0, milliseconds + 0)
      }),
    )
  })
})
