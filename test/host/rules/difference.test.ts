import assert from 'node:assert/strict'
import { test } from 'node:test'

import { difference } from '../../../src/host/rules/rules.ts'

test('difference() counts: a line too many is as wrong as one too few', () => {
  assert.deepEqual(difference(['a', 'b', 'b'], ['b', 'a', 'b']), [])
  assert.deepEqual(difference(['a', ' b', ' b', 'c'], ['a', 'a', ' b', 'd']), [
    'unexpected: a',
    'missing: b',
    'missing: c',
    'unexpected: d',
  ])
})
