import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  type HashKey,
  hashQuestion,
  keySize,
  matchesKey,
  writeKey,
} from '../../src/wire/question-key.ts'
import { alikeName } from '../hostile/alike-names.ts'
import { message, questionOf, type TestMessage } from './message.ts'

function keyOf(m: TestMessage): Buffer {
  const b = message(m)
  const q = questionOf(b)
  const key = Buffer.alloc(keySize(q) + 7, 0xee)
  writeKey(key, 3, b, q)
  assert.deepEqual([...key.subarray(0, 3)], [0xee, 0xee, 0xee])
  assert.deepEqual([...key.subarray(-4)], [0xee, 0xee, 0xee, 0xee])
  return key.subarray(3, -4)
}

function hashOf(m: TestMessage, variant = 0): number {
  const b = message(m)
  return hashQuestion(b, questionOf(b), variant)
}

/** Few distinct questions, so that equal ones meet. */
const similar = fc.record({
  name: fc
    .array(fc.stringMatching(/^[aAbB]{1,2}$/), { maxLength: 2 })
    .map((labels) => `${labels.join('.')}.`),
  type: fc.constantFrom(1, 0x41, 0x61),
  class: fc.constantFrom(1, 3),
})

describe('writeKey() and matchesKey()', () => {
  test('a key matches exactly the questions of its size that are equal but for ASCII case', () => {
    let equal = 0
    fc.assert(
      fc.property(similar, similar, (m1, m2) => {
        const b2 = message(m2)
        const q2 = questionOf(b2)
        const key = keyOf(m1)
        if (key.length !== keySize(q2)) return
        const same =
          m1.name.toLowerCase() === m2.name.toLowerCase() &&
          m1.type === m2.type &&
          m1.class === m2.class
        assert.equal(matchesKey(key, 0, b2, q2), same)
        if (same) equal++
      }),
      { numRuns: 2000, seed: 2 },
    )
    assert.ok(equal > 20)
  })

  test('the name is folded, type and class are not', () => {
    const key = keyOf({ name: 'WWW.eXample.com', type: 0x4141, class: 0x4242 })
    assert.equal(key.toString('latin1'), '\x03www\x07example\x03com\0AABB')
  })

  test('octets beyond ASCII are kept apart', () => {
    const keys = new Set<string>()
    for (let octet = 0; octet < 256; octet++) {
      keys.add(keyOf({ name: `\\${String(octet).padStart(3, '0')}X` }).toString('latin1'))
    }
    assert.equal(keys.size, 256 - 26)
  })
})

/** HalfSipHash-1-3 of whole words, written down as its authors do. */
function halfSipHash({ low, high }: HashKey, words: Buffer): number {
  const turn = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits))
  let [v0, v1, v2, v3] = [low, high, low ^ 0x6c796765, high ^ 0x74656462]
  const round = (): void => {
    v0 = (v0 + v1) | 0
    v1 = turn(v1, 5) ^ v0
    v0 = turn(v0, 16)
    v2 = (v2 + v3) | 0
    v3 = turn(v3, 8) ^ v2
    v0 = (v0 + v3) | 0
    v3 = turn(v3, 7) ^ v0
    v2 = (v2 + v1) | 0
    v1 = turn(v1, 13) ^ v2
    v2 = turn(v2, 16)
  }
  for (let at = 0; at < words.length; at += 4) {
    const word = words.readInt32LE(at)
    v3 ^= word
    round()
    v0 ^= word
  }
  v2 ^= 0xff
  for (let i = 0; i < 3; i++) round()
  return v1 ^ v3
}

describe('hashQuestion()', () => {
  test('is the same for equal questions, whatever the case', () => {
    assert.equal(hashOf({ name: 'www.Example.com' }), hashOf({ name: 'WWW.example.COM' }))
    assert.equal(hashOf({ name: '.' }, 3), hashOf({ name: '.' }, 3))
  })

  test('differs where name, type, class or variant differ', () => {
    const base = { name: 'www.example.com', type: 1, class: 1 }
    const hashes = [
      hashOf(base),
      hashOf(base, 1),
      hashOf({ ...base, type: 28 }),
      hashOf({ ...base, class: 3 }),
      hashOf({ ...base, name: 'ww.wexample.com' }),
    ]
    assert.equal(new Set(hashes).size, hashes.length)
  })

  test('is HalfSipHash-1-3 of name, variant, type and class', () => {
    // HSIPHASH_KEY of Linux, and what its lib/tests/siphash_kunit.c expects of 0, 1, … 15 octets.
    const vectors = [
      0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65,
      0x9d38d9d6, 0x577999b1, 0xc839caed, 0xe4fa32cf, 0x959246ee, 0x6b28096c, 0x66dd9cd6,
      0x16658a7c, 0xd0257b04,
    ]
    const key = { low: 0x03020100, high: 0x07060504 }
    for (const [size, expected] of vectors.entries()) {
      const padded = Buffer.alloc((size & ~3) + 4)
      for (let i = 0; i < size; i++) padded[i] = i
      padded[padded.length - 1] = size
      assert.equal(halfSipHash(key, padded), expected | 0)
    }
    const names = [
      '.',
      'a',
      'ab',
      'abc',
      'WWW.eXample.com',
      `${'Xy'.repeat(31)}.\\193\\218@[\`{.test`,
    ]
    for (const name of names) {
      for (const variant of [0, 3, 255]) {
        const b = message({ name, type: 0x4161, class: 0x5a7a })
        const q = questionOf(b)
        const size = q.nameEnd - 12
        const words = Buffer.alloc((size & ~3) + 8)
        for (let i = 0; i < size; i++) {
          const octet = b[12 + i]!
          words[i] = octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet
        }
        words[words.length - 5] = variant
        words.writeInt32LE((q.type << 16) | q.class, words.length - 4)
        assert.equal(hashQuestion(b, q, variant, key), halfSipHash(key, words), name)
        const other = { low: key.low, high: key.high ^ 0x80000000 }
        assert.notEqual(hashQuestion(b, q, variant, other), halfSipHash(key, words))
      }
    }
  })

  test('tells all octets apart but for the case of ASCII letters', () => {
    const hashes = Array.from({ length: 256 }, (_, octet) => {
      return hashOf({ name: `\\${String(octet).padStart(3, '0')}.test` })
    })
    assert.equal(new Set(hashes).size, 256 - 26)
  })

  test('does not collide for names that a multiplicative hash cannot tell apart', () => {
    const hashes = new Set(Array.from({ length: 9984 }, (_, i) => hashOf({ name: alikeName(i) })))
    // Of 9,984 fair draws from 2^32, 0.01 collide.
    assert.ok(hashes.size >= 9982, `${hashes.size}`)
  })

  test('spreads the names of a cluster over all buckets', () => {
    const buckets = new Uint16Array(1024)
    for (let i = 0; i < 10_240; i++) {
      buckets[hashOf({ name: `svc-${i}.default.svc.cluster.local` }) & 1023]!++
    }
    // Ten each on average; of a fair draw the fullest of 1,024 has about 24.
    assert.ok(Math.max(...buckets) < 40, `${Math.max(...buckets)} in one bucket`)
    assert.ok(buckets.filter((count) => count === 0).length < 10)
  })
})
