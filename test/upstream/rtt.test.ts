import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { RttEstimator } from '../../src/upstream/rtt.ts'

test('the timeout follows round trips and their variation', () => {
  const rtt = new RttEstimator()
  assert.equal(rtt.timeout, 500)
  rtt.sample(100)
  assert.equal(rtt.timeout, 300, 'RFC 6298 §2.2')
  for (let i = 0; i < 100; i++) rtt.sample(100)
  assert.ok(rtt.timeout < 110)
  for (let i = 0; i < 100; i++) rtt.sample(0.3)
  assert.equal(rtt.timeout, 50)
  assert.equal(rtt.blockedAfter, 10)
})

test('read_timeout is the longest, 2 s the longest of all', () => {
  assert.equal(new RttEstimator(20).timeout, 20)
  const slow = new RttEstimator(60_000)
  slow.sample(50_000)
  assert.equal(slow.timeout, 2000)
  assert.equal(slow.blockedAfter, 100)
})

test('timeouts stay between 50 ms and 2 s whatever is measured', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e5, noNaN: true })), (samples) => {
      const rtt = new RttEstimator()
      for (const sample of samples) rtt.sample(sample)
      assert.ok(rtt.timeout >= 50 && rtt.timeout <= 2000)
      assert.ok(rtt.blockedAfter >= 10 && rtt.blockedAfter <= 100)
    }),
  )
})
