import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  chunkSize,
  chunkSizeOf,
  type Page,
  PAGE_SIZE,
  Slab,
} from '../../../src/plugins/cache/slab.ts'

function take(slab: Slab, length: number): { readonly page: Page; readonly at: number } {
  const page = slab.pageFor(length)
  return { page, at: slab.take(page) }
}

test('property: chunks in use never overlap and keep their bytes', () => {
  const step = fc.record({ length: fc.integer({ min: 1, max: 3000 }), give: fc.nat(9) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const slab = new Slab()
      const live: { page: Page; at: number; length: number; mark: number }[] = []
      let mark = 0
      for (const { length, give } of steps) {
        if (give < 4 && live.length > 0) {
          const [chunk] = live.splice((give * 7) % live.length, 1)
          slab.give(chunk!.page, chunk!.at)
          continue
        }
        mark = (mark + 1) % 256
        const { page, at } = take(slab, length)
        assert.ok(at + length <= PAGE_SIZE)
        assert.equal(at % Float64Array.BYTES_PER_ELEMENT, 0)
        assert.equal(chunkSizeOf(page), chunkSize(length))
        page.bytes.fill(mark, at, at + length)
        live.push({ page, at, length, mark })
      }
      for (const { page, at, length, mark: expected } of live) {
        const bytes = page.bytes.subarray(at, at + length)
        assert.ok(bytes.every((byte) => byte === expected))
      }
    }),
  )
})

test('a page whose chunks were all given back serves another size', () => {
  const slab = new Slab()
  const small = Array.from({ length: 100 }, () => take(slab, 60))
  for (const { page, at } of small) slab.give(page, at)
  assert.equal(take(slab, 5000).page, small[0]!.page)
})

test('of pages that nothing is in any more, some are kept and the rest goes back at once', () => {
  const slab = new Slab()
  const chunks = Array.from({ length: 40 }, () => take(slab, PAGE_SIZE / 2))
  const pages = [...new Set(chunks.map(({ page }) => page))]
  for (const { page, at } of chunks) slab.give(page, at)
  assert.equal(pages.length, 20)
  assert.equal(pages.filter(({ bytes }) => bytes.length === PAGE_SIZE).length, 8)
  assert.equal(pages.filter(({ bytes }) => bytes.length === 0).length, 12)
  const again = Array.from({ length: 40 }, () => take(slab, PAGE_SIZE / 2))
  assert.equal(new Set(again.map(({ page }) => page)).size, 20)
  for (const { page, at } of again) page.bytes.fill(7, at, at + PAGE_SIZE / 2)
  assert.ok(again.every(({ page }) => page.bytes.every((octet) => octet === 7)))
})

test('a chunk costs at most half more than it holds', () => {
  for (let length = 48; length <= 65_536; length += 7) {
    assert.ok(chunkSize(length) <= 2 * length, `${length}`)
    assert.ok(chunkSize(length) >= length)
  }
  assert.equal(chunkSize(PAGE_SIZE), PAGE_SIZE)
})
