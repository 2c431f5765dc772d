import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Beat } from '../../src/lib/beat.ts'

test('all that is periodic is done on one timer, each as often as it wants', (t) => {
  const setIntervals = t.mock.method(globalThis, 'setInterval')
  t.mock.timers.enable({ apis: ['setInterval'] })
  const beat = new Beat()
  const done: string[] = []
  const endFirst = beat.every(1, () => done.push('each'))
  const endSecond = beat.every(3, () => done.push('third'))
  t.mock.timers.tick(999)
  assert.deepEqual(done, [])
  t.mock.timers.tick(3_001)
  assert.deepEqual(done, ['each', 'each', 'each', 'third', 'each'])
  endFirst()
  t.mock.timers.tick(2_000)
  assert.deepEqual(done.splice(5), ['third'])
  endSecond()
  t.mock.timers.tick(9_000)
  assert.equal(done.length, 5)
  assert.equal(setIntervals.mock.callCount(), 0, 'none but the mocked one')
})

test('it begins again for who comes after the last one has gone, and may be ended from within', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const beat = new Beat()
  let done = 0
  const end = beat.every(1, () => {
    done++
    end()
    end()
  })
  t.mock.timers.tick(3_000)
  assert.equal(done, 1)
  beat.every(2, () => done++)
  t.mock.timers.tick(2_000)
  assert.equal(done, 2)
})

test('one that throws keeps no other from its turn, and is no secret', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const beat = new Beat()
  let done = 0
  const thrown: unknown[] = []
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const note = (cause: unknown): void => void thrown.push(cause)
  process.on('uncaughtException', note)
  t.after(() => {
    process.off('uncaughtException', note)
    for (const one of others) process.on('uncaughtException', one)
  })
  beat.every(1, () => {
    throw new RangeError('broken')
  })
  beat.every(1, () => done++)
  t.mock.timers.tick(1_000)
  await nextTurn()
  await nextTurn()
  assert.equal(done, 1)
  assert.deepEqual(thrown.map(String), ['RangeError: broken'])
})
