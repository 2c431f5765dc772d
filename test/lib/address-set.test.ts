import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseIp, parsePrefix } from '../../src/corefile/ip.ts'
import { AddressSet, type Network } from '../../src/lib/address-set.ts'

function setOf(...prefixes: readonly string[]): (address: string) => boolean {
  const set = new AddressSet(prefixes.map((prefix) => parsePrefix(prefix)!))
  return (address) => {
    const bytes = parseIp(address)!
    // Addresses stand somewhere in a message.
    const b = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(1)])
    return set.has(b, 3, bytes.length)
  }
}

/** Bit by bit. */
function contains({ bytes, length }: Network, address: Uint8Array): boolean {
  if (bytes.length !== address.length) return false
  for (let i = 0; i < length; i++) {
    if ((((bytes[i >> 3]! ^ address[i >> 3]!) << (i & 7)) & 0x80) !== 0) return false
  }
  return true
}

describe('AddressSet', () => {
  test('holds what its networks hold', () => {
    const has = setOf('10.0.0.0/8', '192.0.2.7/32', '10.1.0.0/16', 'fd00::/8', '2001:db8::1/128')
    const inside = ['10.0.0.0', '10.1.2.3', '10.255.255.255', '192.0.2.7', 'fdff::', '2001:db8::1']
    const outside = ['9.255.255.255', '11.0.0.0', '192.0.2.6', '192.0.2.8', 'fe00::', '2001:db8::']
    assert.deepEqual(inside.filter(has), inside)
    assert.deepEqual(outside.filter(has), [])
  })

  test('is empty, or holds a whole family', () => {
    assert.equal(setOf()('10.0.0.1'), false)
    assert.equal(setOf()('fd00::1'), false)
    assert.equal(setOf('0.0.0.0/0')('255.255.255.255'), true)
    assert.equal(setOf('0.0.0.0/0')('::'), false)
    assert.equal(setOf('::/0')('ffff::'), true)
    assert.equal(setOf('::/0')('10.0.0.1'), false)
  })

  test('tells networks apart by each of their words', () => {
    const has = setOf('2001:db8:0:9::/64', '2001:db8:1:1::/64', '2001:db8:2:0:0:9::/96')
    for (const one of ['2001:db8:0:9::1', '2001:db8:1:1::1', '2001:db8:2:0:0:9::1'])
      assert.equal(has(one), true, one)
    for (const one of ['2001:db8:1:9::1', '2001:db8:0:1::1', '2001:db8:2:0:0:8::1'])
      assert.equal(has(one), false, one)
  })

  test('takes IPv4-mapped addresses and networks for IPv4', () => {
    assert.equal(setOf('10.0.0.0/8')('::ffff:10.1.2.3'), true)
    assert.equal(setOf('::ffff:10.0.0.0/104')('10.1.2.3'), true)
    assert.equal(setOf('::ffff:0:0/96')('192.0.2.1'), true)
    assert.equal(setOf('::/0')('::ffff:10.1.2.3'), false)
    assert.equal(setOf('10.0.0.0/8')('::10.1.2.3'), false)
  })

  test('agrees with a look at every network, bit by bit', () => {
    for (const size of [4, 16]) {
      const few = fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) =>
        // Near one another, or no random address is ever in a network.
        bytes.map((byte) => byte & 0x81),
      )
      const network = fc
        .tuple(few, fc.integer({ min: 0, max: 8 * size }))
        .map(([bytes, length]) => {
          const masked = bytes.map(
            (byte, i) => byte & (0xff00 >> Math.min(Math.max(length - 8 * i, 0), 8)),
          )
          return { bytes: masked, length }
        })
      fc.assert(
        fc.property(fc.array(network, { maxLength: 12 }), few, (networks, address) => {
          const expected = networks.some((one) => contains(one, address))
          assert.equal(new AddressSet(networks).has(address, 0, size), expected)
        }),
      )
    }
  })
})
