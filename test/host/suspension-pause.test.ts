import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SuspensionPause } from '../../src/host/suspension-pause.ts'

test('each suspension lasts twice as long as the one before, until a minute has gone well', () => {
  const pause = new SuspensionPause({ first: 4, last: 20 })
  assert.deepEqual([pause.take(), pause.take(), pause.take(), pause.take()], [4, 8, 16, 20])
  for (let i = 0; i < 59; i++) pause.checked(true)
  pause.checked(false)
  for (let i = 0; i < 59; i++) pause.checked(true)
  assert.equal(pause.take(), 20)
  for (let i = 0; i < 60; i++) pause.checked(true)
  assert.deepEqual([pause.take(), pause.take()], [4, 8])
})
