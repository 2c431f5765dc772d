import assert from 'node:assert/strict'
import { test } from 'node:test'

import { WaitingList } from '../../src/upstream/waiting-list.ts'
import { exchange } from './channel.ts'

test('takeAll() gives those who still wait, oldest first', () => {
  const list = new WaitingList()
  const xs = ['a', 'b', 'c'].map((name) => exchange(name))
  for (const x of xs) list.add(x, 0)
  list.cancel(xs[1]!)
  assert.equal(list.size, 2)
  assert.deepEqual(list.takeAll(), [xs[0], xs[2]])
  assert.equal(list.size, 0)
  assert.equal(xs[0]!.carrier, null)
  assert.deepEqual(list.takeAll(), [])
})

test('those who leave make no room one by one, but all of them do', () => {
  const list = new WaitingList()
  const xs = Array.from({ length: 16_384 }, () => exchange('x'))
  for (const x of xs) list.add(x, 0)
  assert.ok(list.full)
  for (const x of xs) list.cancel(x)
  assert.ok(!list.full)
  assert.equal(list.size, 0)
})
