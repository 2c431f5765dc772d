import assert from 'node:assert/strict'
import { mock, test } from 'node:test'

import { Sweeper } from '../../src/upstream/context.ts'
import { ManualClock } from '../helpers/manual-clock.ts'

test('the sweeper runs once a second while there is something to sweep', (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const sweeper = new Sweeper(new ManualClock())
  let left = 2
  let sweeps = 0
  const one = {
    sweep(): boolean {
      sweeps++
      return --left > 0
    },
  }
  sweeper.add(one)
  sweeper.add(one)
  mock.timers.tick(999)
  assert.equal(sweeps, 0)
  mock.timers.tick(1)
  assert.equal(sweeps, 1)
  mock.timers.tick(5000)
  assert.equal(sweeps, 2, 'nothing was left after the second time')
  left = 1
  sweeper.add(one)
  mock.timers.tick(1000)
  assert.equal(sweeps, 3)
})
