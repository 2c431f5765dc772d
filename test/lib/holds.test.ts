import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Holds } from '../../src/lib/holds.ts'

test('Holds tells all reasons in the order they came, each once', () => {
  const holds = new Holds()
  assert.deepEqual(holds.reasons, [])
  holds.hold('b')
  holds.hold('a')
  holds.hold('b')
  assert.deepEqual(holds.reasons, ['b', 'a'])
  holds.release('b')
  holds.release('never given')
  assert.deepEqual(holds.reasons, ['a'])
})
