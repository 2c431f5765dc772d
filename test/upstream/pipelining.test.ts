import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Order, Pipelining } from '../../src/upstream/pipelining.ts'

test('the largest window is what takes 8 ms to be answered one by one', () => {
  for (const [service, deepest] of [
    [0.01, 256],
    [0.1, 80],
    [1, 8],
    [5, 1],
    [100, 1],
  ] as const) {
    const pipelining = new Pipelining()
    assert.equal(pipelining.deepest, 1, 'while nothing is known')
    for (let i = 0; i < 100; i++) pipelining.answered(4, 4 * service)
    assert.ok(Math.abs(pipelining.deepest - deepest) <= 1, `${service}: ${pipelining.deepest}`)
  }
})

test('a slow name narrows what fast ones opened, and these open it again', () => {
  const pipelining = new Pipelining()
  for (let i = 0; i < 100; i++) pipelining.answered(1, 0.1)
  pipelining.answered(1, 1000)
  assert.equal(pipelining.deepest, 1)
  for (let i = 0; i < 80; i++) pipelining.answered(1, 0.1)
  assert.ok(pipelining.deepest > 40)
})

test('windows are out of date after a pause of 200 ms', () => {
  const pipelining = new Pipelining()
  pipelining.asked(1000)
  assert.equal(pipelining.asked(1100), false)
  assert.equal(pipelining.asked(1301), true)
})

test('an answer that overtakes another one frees the order', () => {
  const pipelining = new Pipelining()
  pipelining.overtaken(0, true)
  assert.ok(pipelining.isFree)
  pipelining.keptOrder(0, 100)
  pipelining.doubt(1000)
  assert.ok(pipelining.isFree, 'what was seen for certain is believed for minutes')
  pipelining.doubt(600_000)
  assert.equal(pipelining.order, Order.Unknown)
})

test('what a single answer suggests is doubted after a second', () => {
  const pipelining = new Pipelining()
  pipelining.overtaken(0, false)
  assert.ok(!pipelining.isHearsay(499))
  assert.ok(pipelining.isHearsay(500), 'time to ask again')
  pipelining.doubt(999)
  assert.ok(pipelining.isFree)
  pipelining.doubt(1000)
  assert.equal(pipelining.order, Order.Unknown)
  assert.ok(!pipelining.isHearsay(1000))
  pipelining.keptOrder(1000, 3)
  assert.equal(pipelining.order, Order.Unknown, 'the older one may just have been answered')
  pipelining.keptOrder(1000, 4)
  assert.equal(pipelining.order, Order.Strict)
  assert.ok(!pipelining.isUnknown(10_999))
  assert.ok(pipelining.isUnknown(11_000), 'another server may be there by now')
})

test('after a connection ended under queries they are kept apart for a second', () => {
  const pipelining = new Pipelining()
  pipelining.overtaken(0, true)
  pipelining.keepApart(100)
  pipelining.asked(1100)
  assert.ok(!pipelining.isFree)
  assert.equal(pipelining.order, Order.Free, 'which it is known to be all the same')
  pipelining.asked(1101)
  assert.ok(pipelining.isFree)
})

test('a server that has never answered what shares a write gets one query at a time, for a minute', () => {
  const pipelining = new Pipelining()
  pipelining.overtaken(0, true)
  assert.ok(pipelining.lostJoined(100))
  pipelining.answered(8, 1)
  assert.deepEqual([pipelining.isFree, pipelining.deepest], [false, 1])
  pipelining.asked(60_101)
  pipelining.answered(8, 1)
  assert.deepEqual([pipelining.isFree, pipelining.deepest], [true, 64])
  pipelining.readsAll()
  assert.ok(!pipelining.lostJoined(60_200), 'that one was slow')
  assert.ok(pipelining.isFree)
})

test('what shares a write and is answered after all ends that minute', () => {
  const pipelining = new Pipelining()
  pipelining.overtaken(0, true)
  assert.ok(pipelining.lostJoined(100))
  pipelining.readsAll()
  pipelining.answered(8, 1)
  assert.deepEqual([pipelining.isFree, pipelining.deepest], [true, 64])
})
