import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseIp, parsePrefix } from '../../src/corefile/ip.ts'

function hex(bytes: Uint8Array | null | undefined): string | null {
  return bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString('hex')
}

describe('parseIp()', () => {
  const table = [
    ['10.0.255.1', '0a00ff01'],
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['fd00::', `fd00${'0'.repeat(28)}`],
    ['2001:db8::10:2', '20010db8000000000000000000100002'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['::ffff:10.0.0.1', '00000000000000000000ffff0a000001'],
    ['fe80::1%eth0', null],
    ['010.0.0.1', null],
    ['10.0.0', null],
    ['localhost', null],
    ['', null],
  ] as const
  for (const [text, bytes] of table) {
    test(`takes "${text}" for ${bytes}`, () => assert.equal(hex(parseIp(text)), bytes))
  }

  test('reads every IPv6 address as the URL parser does', () => {
    const groups = fc.array(fc.constantFrom(0, 0, 1, 0xffff, 0x1a), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(groups, (list) => {
        const full = list.map((group) => group.toString(16)).join(':')
        const short = new URL(`http://[${full}]`).hostname.slice(1, -1)
        assert.deepEqual(parseIp(short), parseIp(full))
        assert.equal(
          hex(parseIp(full)),
          list.map((group) => group.toString(16).padStart(4, '0')).join(''),
        )
      }),
    )
  })
})

describe('parsePrefix()', () => {
  test('clears the host bits', () => {
    assert.deepEqual(parsePrefix('10.255.255.255/12'), {
      bytes: Uint8Array.of(10, 240, 0, 0),
      length: 12,
    })
    assert.equal(hex(parsePrefix('fdff:ffff::1/9')?.bytes), `fd80${'0'.repeat(28)}`)
    assert.equal(hex(parsePrefix('255.255.255.255/0')?.bytes), '00000000')
    assert.equal(hex(parsePrefix('255.255.255.255/32')?.bytes), 'ffffffff')
  })

  for (const text of [
    '10.0.0.0',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '/8',
    '10/8',
    'a/8',
    '1.2.3.4/0008',
  ]) {
    test(`takes "${text}" for none`, () => assert.equal(parsePrefix(text), null))
  }
})
