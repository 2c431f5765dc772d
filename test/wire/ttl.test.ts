import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { capTtls } from '../../src/wire/ttl.ts'
import { a, message, opt, recordsOf } from './message.ts'

const b = message({ answer: [a('x', 10), a('y', 100), a('z', 0xffffffff)], additional: [opt()] })
const optTtl = opt().ttl

function ttls(of: Buffer): number[] {
  const r = recordsOf(of)
  return Array.from(r.ttlAt.subarray(0, r.count), (at) => of.readUInt32BE(at))
}

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
      const capped = message({ answer, additional })
      capTtls(capped, records, seconds)
      assert.deepEqual(
        capped,
        change((ttl) => Math.min(ttl, seconds)),
      )
    }),
  )
})
