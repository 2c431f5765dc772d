import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { collectStartGarbage } from '../../src/daemon/start-garbage.ts'

const module = join(import.meta.dirname, '../../src/daemon/start-garbage.ts')

/** Leaves every second of many objects as garbage, and prints the bytes of the heap before and after. */
const script = `
  const { collectStartGarbage } = await import(${JSON.stringify(module)})
  let kept = Array.from({ length: 200_000 }, (_, i) => ({ i, text: 'number ' + i }))
  kept = kept.filter(({ i }) => i % 2 === 0)
  const before = process.memoryUsage().heapTotal
  const done = collectStartGarbage()
  console.log(JSON.stringify({ done, kept: kept.length, before, after: process.memoryUsage().heapTotal }))
`

function run(...flags: string[]): { done: boolean; kept: number; before: number; after: number } {
  const text = execFileSync(process.execPath, [...flags, '--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  return JSON.parse(text) as ReturnType<typeof run>
}

test('collectStartGarbage() gives back what garbage took, between objects that stay too', () => {
  const { done, kept, before, after } = run('--single-threaded-gc')
  assert.ok(done)
  assert.equal(kept, 100_000)
  assert.ok(after < 0.75 * before, `${after} of ${before}`)
})

test('collectStartGarbage() does nothing in a process of other flags', () => {
  assert.equal(run().done, false)
})

test('collectStartGarbage() does nothing under a CPU limit below a quarter of a core', () => {
  let collections = 0
  const collect = (): boolean => ++collections > 0
  assert.equal(collectStartGarbage(collect, 0.24), false)
  assert.equal(collections, 0)
  assert.equal(collectStartGarbage(collect, 0.25), true)
  assert.equal(collections, 1)
})
