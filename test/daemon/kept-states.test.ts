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

test('a new state is made knowing those of its family that another configuration uses', () => {
  const states = new KeptStates()
  const use = (user: ReturnType<KeptStates['open']>, key: string): readonly string[] => {
    let seen: readonly string[] = []
    user.keep(
      key,
      (relatives: readonly string[] = []) => {
        seen = relatives
        return key
      },
      () => {},
      key.slice(0, 1),
    )
    return seen
  }
  const first = states.open()
  assert.deepEqual(use(first, 'a1'), [])
  assert.deepEqual(use(first, 'a2'), [])
  assert.deepEqual(use(first, 'b1'), [])
  const second = states.open()
  assert.deepEqual(use(second, 'a2'), [])
  assert.deepEqual(use(second, 'a3'), ['a1'])
  first.release()
  assert.deepEqual(use(states.open(), 'a4'), ['a2', 'a3'])
})
