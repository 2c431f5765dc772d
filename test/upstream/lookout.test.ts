import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Lookout } from '../../src/upstream/tending.ts'
import { manual } from './channel.ts'

test('looks at the next tick, once, and says for how long it was held up', () => {
  const time = manual()
  const { wheel } = time.context
  const looks: number[] = []
  const lookout = new Lookout(time.clock, wheel, (heldUp) => looks.push(heldUp))
  lookout.soon()
  lookout.soon()
  time.pass(10)
  assert.deepEqual(looks, [0])
  time.pass(100)
  assert.deepEqual(looks, [0], 'nobody asked')
  lookout.soon()
  time.pass(30)
  assert.deepEqual(looks, [0, 30])
})
