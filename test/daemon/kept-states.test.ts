import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeptStates } from '../../src/daemon/kept-states.ts'

test('a state lives as long as one configuration uses it, and is dropped once', () => {
  const dropped: string[] = []
  const states = new KeptStates()
  const use = (user: ReturnType<KeptStates['open']>, key: string): object =>
    user.keep(
      key,
      () => ({ key }),
      () => dropped.push(key),
    )
  const first = states.open()
  const shared = use(first, 'a')
  use(first, 'b')
  const second = states.open()
  assert.equal(use(second, 'a'), shared)
  first.release()
  assert.deepEqual(dropped, ['b'])
  second.release()
  second.release()
  assert.deepEqual(dropped, ['b', 'a'])
  assert.notEqual(use(states.open(), 'a'), shared)
})
