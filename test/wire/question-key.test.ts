import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hashQuestion, keySize, matchesKey, writeKey } from '../../src/wire/question-key.ts'
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
