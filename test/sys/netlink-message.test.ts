import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'

import {
  attribute,
  nested,
  netlinkMessage,
  readAttributes,
  readMessages,
  textOf,
} from '../../src/sys/netlink-message.ts'

const type = fc.integer({ min: 1, max: 0x3fff })
const value = fc.uint8Array({ maxLength: 300 })
const attributes = fc.uniqueArray(fc.tuple(type, value), { selector: ([t]) => t, maxLength: 20 })

function write(list: readonly (readonly [number, Uint8Array])[]): Buffer[] {
  return list.map(([t, v]) => attribute(t, v))
}

function plain(read: Map<number, Buffer>): [number, number[]][] {
  return [...read].map(([t, v]) => [t, [...v]])
}

describe('attributes', () => {
  test('are read as they were written, of whatever length, also inside another', () => {
    fc.assert(
      fc.property(type, attributes, (outer, list) => {
        const expected = list.map(([t, v]) => [t, [...v]])
        assert.deepEqual(plain(readAttributes(Buffer.concat(write(list)))), expected)
        const inner = readAttributes(nested(outer, ...write(list))).get(outer)!
        assert.deepEqual(plain(readAttributes(inner)), expected)
      }),
    )
  })

  test('begin at multiples of four octets, and their length leaves the padding out', () => {
    fc.assert(
      fc.property(type, value, (t, v) => {
        const bytes = attribute(t, v)
        assert.equal(bytes.length % 4, 0)
        assert.ok(bytes.length - (4 + v.length) < 4)
        assert.equal(bytes.readUInt16LE(0), 4 + v.length)
        assert.ok(bytes.subarray(4 + v.length).every((octet) => octet === 0))
      }),
    )
  })

  test('carry text with a zero octet, and numbers as 32 bits', () => {
    assert.deepEqual([...attribute(3, 'lo')], [7, 0, 3, 0, 0x6c, 0x6f, 0, 0])
    assert.deepEqual([...attribute(4, 0x01020304)], [8, 0, 4, 0, 4, 3, 2, 1])
    assert.equal(textOf(Buffer.from('lo\0\0')), 'lo')
    assert.equal(textOf(Buffer.from('lo')), 'lo')
  })
})

describe('messages', () => {
  const message = fc.tuple(fc.nat(0xffff), fc.nat(0xffff), fc.nat(0xffffffff), attributes)

  test('are read from a datagram as they were written into it', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (list) => {
        const datagram = list.map(([t, flags, sequence, parts]) =>
          netlinkMessage(t, flags, sequence, write(parts)),
        )
        assert.deepEqual(
          readMessages(Buffer.concat(datagram)).map((one) => ({
            ...one,
            payload: plain(readAttributes(one.payload)),
          })),
          list.map(([t, , sequence, parts]) => ({
            type: t,
            sequence,
            payload: parts.map(([a, v]) => [a, [...v]]),
          })),
        )
      }),
    )
  })

  test('that are cut short or lie about their length end the reading, without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const read = readMessages(Buffer.from(bytes))
        const octets = read.reduce((sum, { payload }) => sum + 16 + payload.length, 0)
        assert.ok(octets <= bytes.length)
        for (const { payload } of read) readAttributes(payload)
        readAttributes(Buffer.from(bytes))
      }),
    )
    const whole = netlinkMessage(1, 0, 1, [attribute(1, 'x')])
    assert.equal(readMessages(whole.subarray(0, -1)).length, 0)
    assert.equal(readAttributes(attribute(1, 'xyz').subarray(0, -1)).size, 0)
  })
})
