import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Quota } from '../../src/upstream/pipelining.ts'

test('two connections in a row that end after as many answers tell the quota', () => {
  const quota = new Quota()
  quota.ended(5, 0, 0, 1000)
  assert.equal(quota.limit, Infinity)
  quota.ended(7, 0, 0, 1000)
  assert.equal(quota.limit, Infinity)
  quota.ended(7, 0, 0, 1000)
  assert.equal(quota.limit, 7)
})

test('a connection that ended for having been idle, unanswered, or before another had as many, tells nothing', () => {
  const quota = new Quota()
  for (let i = 0; i < 3; i++) quota.ended(1, 21, 0, 1000)
  for (let i = 0; i < 3; i++) quota.ended(0, 0, 0, 1000)
  for (let i = 0; i < 3; i++) quota.ended(2, 0, 3, 1000)
  assert.equal(quota.limit, Infinity)
})

test('a quota is believed for a minute', () => {
  const quota = new Quota()
  for (let i = 0; i < 2; i++) quota.ended(1, 0, 0, 1000)
  quota.expire(60_999)
  assert.equal(quota.limit, 1)
  quota.expire(61_000)
  assert.equal(quota.limit, Infinity)
})
