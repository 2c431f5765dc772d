import assert from 'node:assert/strict'
import { test } from 'node:test'

import { mostConnections } from '../../src/net/tcp-limits.ts'

test('a listener takes a quarter of the files that the process may open, 4,000 or 1,000 at most', () => {
  const most = (files: number): readonly number[] => [
    mostConnections('own', files),
    mostConnections('stream', files),
  ]
  assert.deepEqual(most(Infinity), [4_000, 1_000])
  assert.deepEqual(most(1_048_576), [4_000, 1_000])
  assert.deepEqual(most(1_024), [256, 256])
  assert.deepEqual(most(64), [16, 16])
  assert.deepEqual(most(3), [1, 1])
})
