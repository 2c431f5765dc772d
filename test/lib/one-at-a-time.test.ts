import assert from 'node:assert/strict'
import { test } from 'node:test'

import { oneAtATime } from '../../src/lib/one-at-a-time.ts'

test('oneAtATime() starts a task when the one before has ended, even badly', async () => {
  const inTurn = oneAtATime()
  const log: string[] = []
  const { promise, reject } = Promise.withResolvers<void>()
  const first = inTurn(() => {
    log.push('first')
    return promise
  })
  const second = inTurn(async () => {
    log.push('second')
    return 2
  })
  await Promise.resolve()
  await Promise.resolve()
  assert.deepEqual(log, ['first'])
  reject(new Error('bad'))
  await assert.rejects(first, /bad/)
  assert.equal(await second, 2)
  assert.deepEqual(log, ['first', 'second'])
})
