import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ageTtls, capTtls, setTtls } from '../../src/wire/ttl.ts'
import { a, message, opt, recordsOf } from './message.ts'

const b = message({ answer: [a('x', 10), a('y', 100), a('z', 0xffffffff)], additional: [opt()] })
const optTtl = opt().ttl

function ttls(of: Buffer): number[] {
  const r = recordsOf(of)
  return Array.from(r.ttlAt.subarray(0, r.count), (at) => of.readUInt32BE(at))
}

test('ageTtls() subtracts and stops at 0', () => {
  const copy = Buffer.from(b)
  ageTtls(copy, recordsOf(copy).ttlAt, 0, 3, 11)
  assert.deepEqual(ttls(copy), [0, 89, 0, optTtl])
})

test('ageTtls() touches only the range it was given', () => {
  const copy = Buffer.from(b)
  ageTtls(copy, recordsOf(copy).ttlAt, 1, 1, 1)
  assert.deepEqual(ttls(copy), [10, 99, 0xffffffff, optTtl])
})

test('setTtls() sets the range it was given', () => {
  const copy = Buffer.from(b)
  setTtls(copy, recordsOf(copy).ttlAt, 0, 2, 30)
  assert.deepEqual(ttls(copy), [30, 30, 0xffffffff, optTtl])
})

test('capTtls() lowers, never raises, and leaves OPT alone', () => {
  const copy = message({ answer: [a('x', 10), a('y', 100)], additional: [opt({ dnssecOk: true })] })
  capTtls(copy, recordsOf(copy), 50)
  assert.deepEqual(ttls(copy), [10, 50, 0x8000])
})

test('capTtls() turns a TTL with the top bit set into 0', () => {
  const copy = Buffer.from(b)
  capTtls(copy, recordsOf(copy), 3600)
  assert.deepEqual(ttls(copy), [10, 100, 0, optTtl])
})

test('TTLs change as told, and not an octet beside them', () => {
  const times = fc.array(fc.nat(0xffffffff), { maxLength: 8 })
  fc.assert(
    fc.property(times, fc.nat(0xffffffff), (list, seconds) => {
      const answer = list.map((ttl) => a('x', ttl))
      const additional = [opt({ dnssecOk: true })]
      const records = recordsOf(message({ answer, additional }))
      const change = (to: (ttl: number) => number): Buffer =>
        message({ answer: list.map((ttl) => a('x', to(ttl > 0x7fffffff ? 0 : ttl))), additional })
      const aged = message({ answer, additional })
      ageTtls(aged, records.ttlAt, 0, list.length, seconds)
      assert.deepEqual(
        aged,
        change((ttl) => Math.max(0, ttl - seconds)),
      )
      const capped = message({ answer, additional })
      capTtls(capped, records, seconds)
      assert.deepEqual(
        capped,
        change((ttl) => Math.min(ttl, seconds)),
      )
      const set = message({ answer, additional })
      setTtls(set, records.ttlAt, 0, list.length, seconds)
      assert.deepEqual(
        set,
        change(() => seconds),
      )
    }),
  )
})
