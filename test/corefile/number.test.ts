import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { integer, percentage, uint32 } from '../../src/corefile/number.ts'
import { messageOf, token } from './support.ts'

const at = '/etc/Corefile:1 - '

describe('integer()', () => {
  test('reads every safe integer back', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        assert.equal(integer(token(String(value))), value)
      }),
    )
  })

  test('takes a sign and leading zeros', () => {
    const values = ['+5', '-0012', '000', '9223372036854775807'].map((text) => integer(token(text)))
    assert.deepEqual(values, [5, -12, 0, 2 ** 63])
    assert.equal(integer(token('0'.repeat(100_000))), 0)
  })

  for (const text of ['', 'x', '}', '1.5', '0x1', '1_000', '1e3', '+', '--1', ' 1']) {
    test(`rejects "${text}" in the words of Go`, () => {
      const message = messageOf(() => integer(token(text)))
      assert.equal(message, `${at}strconv.Atoi: parsing "${text}": invalid syntax`)
    })
  }

  for (const text of ['9223372036854775808', '-9223372036854775809', '1'.repeat(21)]) {
    test(`rejects ${text}, beyond 64 bits`, () => {
      const message = messageOf(() => integer(token(text)))
      assert.equal(message, `${at}strconv.Atoi: parsing "${text}": value out of range`)
    })
  }
})

describe('uint32()', () => {
  test('reads 32 bits and no more', () => {
    assert.equal(uint32(token('4294967295')), 4_294_967_295)
    const message = messageOf(() => uint32(token('4294967296')))
    assert.equal(message, `${at}strconv.ParseUint: parsing "4294967296": value out of range`)
  })

  test('has no sign', () => {
    const message = messageOf(() => uint32(token('-1')))
    assert.equal(message, `${at}strconv.ParseUint: parsing "-1": invalid syntax`)
  })
})

describe('percentage()', () => {
  const share = percentage(10, 90)

  test('reads both ends of its range', () => {
    assert.deepEqual([share(token('10%')), share(token('90%'))], [10, 90])
  })

  const bad = [
    ['9%', 'percentage should fall in range [10, 90]: 9'],
    ['91%', 'percentage should fall in range [10, 90]: 91'],
    ['50', "last character of percentage should be `%`, but is: '0'"],
    ['x%', 'strconv.Atoi: parsing "x": invalid syntax'],
  ] as const
  for (const [text, reason] of bad) {
    test(`rejects ${text}`, () =>
      assert.equal(
        messageOf(() => share(token(text))),
        at + reason,
      ))
  }
})
