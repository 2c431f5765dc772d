import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PAGE_SIZE, Slab } from '../../../src/plugins/cache/slab.ts'

test('property: chunks in use never overlap and keep their bytes', () => {
  const step = fc.record({ length: fc.integer({ min: 1, max: 3000 }), give: fc.nat(9) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const slab = new Slab()
      const live: { address: number; length: number; mark: number }[] = []
      let mark = 0
      for (const { length, give } of steps) {
        if (give < 4 && live.length > 0) {
          const [chunk] = live.splice((give * 7) % live.length, 1)
          slab.give(chunk!.address)
          continue
        }
        mark = (mark + 1) % 256
        const address = slab.take(length)
        const at = slab.offset(address)
        assert.ok(at + length <= PAGE_SIZE)
        slab.page(address).fill(mark, at, at + length)
        live.push({ address, length, mark })
      }
      for (const { address, length, mark: expected } of live) {
        const at = slab.offset(address)
        const bytes = slab.page(address).subarray(at, at + length)
        assert.ok(bytes.every((byte) => byte === expected))
      }
    }),
  )
})

test('a page whose chunks were all given back serves another size', () => {
  const slab = new Slab()
  const small = Array.from({ length: 100 }, () => slab.take(60))
  const page = slab.page(small[0]!)
  for (const address of small) slab.give(address)
  assert.equal(slab.page(slab.take(5000)), page)
})

test('a chunk costs at most half more than it holds', () => {
  const slab = new Slab()
  for (let length = 48; length <= 65_536; length += 7) {
    assert.ok(slab.chunkSize(length) <= 2 * length, `${length}`)
    assert.ok(slab.chunkSize(length) >= length)
  }
  assert.equal(slab.chunkSize(PAGE_SIZE), PAGE_SIZE)
})
