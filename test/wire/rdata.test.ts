import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Class, Type, typeName } from '../../src/wire/codes.ts'
import { dataInFull, isSoundData } from '../../src/wire/rdata.ts'

/** Octets 12 to 14, as names may point no further back: the name `a.`. */
const earlier = Buffer.from([...Buffer.alloc(12), 1, 0x61, 0])
const name = Buffer.from([1, 0x62, 0xc0, 12])

/** Data of `parts`: a name for `null`, that many octets of filler for a number. */
function data(parts: readonly (number | null)[], write: Buffer = name): Buffer {
  return Buffer.concat(parts.map((part) => (part === null ? write : Buffer.alloc(part, 1))))
}

function isSound(type: number, octets: Buffer, klass: number = Class.IN): boolean {
  const b = Buffer.concat([earlier, octets])
  return isSoundData(b, type, klass, earlier.length, b.length)
}

const exact: readonly (readonly [type: number, parts: readonly (number | null)[]])[] = [
  [Type.A, [4]],
  [Type.AAAA, [16]],
  [Type.NS, [null]],
  [Type.MD, [null]],
  [Type.MF, [null]],
  [Type.CNAME, [null]],
  [Type.SOA, [null, null, 20]],
  [Type.MB, [null]],
  [Type.MG, [null]],
  [Type.MR, [null]],
  [Type.PTR, [null]],
  [Type.MINFO, [null, null]],
  [Type.MX, [2, null]],
  [Type.RP, [null, null]],
  [Type.AFSDB, [2, null]],
  [Type.RT, [2, null]],
  [Type.PX, [2, null, null]],
  [Type.SRV, [6, null]],
  [Type.KX, [2, null]],
  [Type.DNAME, [null]],
  // Each character string is one octet long.
  [Type.NAPTR, [4, 2, 2, 2, null]],
]
const open: typeof exact = [
  [Type.SIG, [18, null]],
  [Type.NXT, [null]],
  [Type.RRSIG, [18, null]],
  [Type.NSEC, [null]],
]

describe('isSoundData()', () => {
  for (const [type, parts] of [...exact, ...open]) {
    test(`demands of ${typeName(type)} that nothing is missing`, () => {
      const whole = data(parts)
      assert.ok(isSound(type, whole))
      for (let length = 0; length < whole.length; length++) {
        assert.ok(!isSound(type, whole.subarray(0, length)), `${length} octets`)
      }
    })
  }

  for (const [type, parts] of exact) {
    test(`demands of ${typeName(type)} that nothing is left over`, () => {
      assert.ok(!isSound(type, data([...parts, 1])))
    })
  }

  for (const [type, parts] of open) {
    test(`lets anything follow the name of ${typeName(type)}`, () => {
      assert.ok(isSound(type, data([...parts, 50])))
    })
  }

  test('refuses a name that points at itself, forward, or out of the message', () => {
    for (const [type, parts] of [...exact, ...open]) {
      if (!parts.includes(null)) continue
      const ahead = parts.slice(0, parts.indexOf(null)).reduce((sum: number, n) => sum + n!, 0)
      for (const target of [earlier.length + ahead, 100, 0x3fff]) {
        const pointer = Buffer.from([0xc0 | (target >> 8), target & 0xff])
        assert.ok(!isSound(type, data(parts, pointer)), `${typeName(type)} → ${target}`)
      }
    }
  })

  test('knows that A is an address in class IN only', () => {
    assert.ok(isSound(Type.A, data([null, 2]), Class.CH))
    assert.ok(!isSound(Type.A, data([null, 2])))
  })

  test('leaves the data of any other type alone', () => {
    const checked = new Set<number>([...exact, ...open].map(([type]) => type))
    fc.assert(
      fc.property(fc.nat(0xffff), fc.uint8Array({ maxLength: 40 }), (type, octets) => {
        fc.pre(!checked.has(type))
        assert.ok(isSound(type, Buffer.from(octets)))
      }),
    )
  })
})

test('data in full has names without pointers, and all that stands around them', () => {
  const b = Buffer.concat([earlier, name])
  const end = b.length
  const inFull = (type: number, parts: readonly (number | null)[]): Buffer => {
    const whole = Buffer.concat([b, data(parts)])
    return dataInFull(whole, type, end, whole.length)
  }
  const full = Buffer.from([1, 0x62, 1, 0x61, 0])
  assert.deepEqual(inFull(Type.CNAME, [null]), full)
  assert.deepEqual(inFull(Type.SOA, [null, null, 20]), data([null, null, 20], full))
  assert.deepEqual(inFull(Type.SRV, [6, null]), data([6, null], full))
  // Nobody compresses names there, and nobody has checked them.
  assert.deepEqual(inFull(Type.HTTPS, [2, null]), data([2, null]))
  assert.deepEqual(inFull(Type.A, [4]), Buffer.alloc(4, 1))
})
