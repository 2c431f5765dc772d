import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCacheBudget } from '../../src/daemon/cache-budget.ts'

const MIB = 1024 * 1024

test('64 MiB, or a quarter of the memory limit where that is less', () => {
  assert.equal(openCacheBudget(0).limit, 64 * MIB)
  assert.equal(openCacheBudget(100 * MIB).limit, 25 * MIB)
  assert.equal(openCacheBudget(1024 * MIB).limit, 64 * MIB)
  assert.equal(openCacheBudget(2 ** 63).limit, 64 * MIB)
})
