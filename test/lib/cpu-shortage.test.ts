import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { cpuLimit, mainThreadWait } from '../../src/lib/cpu-shortage.ts'

function folder(t: TestContext, files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), 'cgroup-'))
  t.after(() => rmSync(path, { recursive: true }))
  mkdirSync(join(path, 'cpu'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text)
  return path
}

test('the CPU limit is that of the control group, of either version', (t) => {
  const limitOf = (files: Readonly<Record<string, string>>): number => cpuLimit(folder(t, files))
  assert.equal(limitOf({ 'cpu.max': '5000 100000\n' }), 0.05)
  assert.equal(limitOf({ 'cpu.max': 'max 100000\n' }), Infinity)
  const period = { 'cpu/cpu.cfs_period_us': '50000\n' }
  assert.equal(limitOf({ ...period, 'cpu/cpu.cfs_quota_us': '75000\n' }), 1.5)
  assert.equal(limitOf({ ...period, 'cpu/cpu.cfs_quota_us': '-1\n' }), Infinity)
  assert.equal(limitOf({}), Infinity)
})

test('the wait for a core is what the kernel counts in nanoseconds, and 0 where it does not', (t) => {
  const path = folder(t, { schedstat: '812345678 2500000 4711\n' })
  assert.equal(mainThreadWait(join(path, 'schedstat')), 2.5)
  assert.equal(mainThreadWait(join(path, 'none')), 0)
})
