import assert from 'node:assert/strict'
import { test } from 'node:test'

import { memoryLimit } from '../../src/daemon/memory-limit.ts'

test('memoryLimit() is what the control group allows, and nothing where the machine ends first', () => {
  assert.equal(memoryLimit(200 * 2 ** 20, 2 ** 33), 200 * 2 ** 20)
  assert.equal(memoryLimit(0, 2 ** 33), null)
  assert.equal(memoryLimit(2 ** 64, 2 ** 33), null)
  assert.equal(memoryLimit(2 ** 33, 2 ** 33), null)
})
