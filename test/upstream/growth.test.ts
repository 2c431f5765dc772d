import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Growth } from '../../src/upstream/growth.ts'

test('two connections for a start, even for one query', () => {
  const growth = new Growth()
  assert.equal(growth.wanted(0, 1), 2)
  assert.equal(growth.wanted(1, 1), 1)
  assert.equal(growth.wanted(2, 100), 0)
})

test('while no answer comes: eight, 64, 256, and never more than wait', () => {
  const growth = new Growth()
  growth.begin(0)
  growth.look(2, 2, 2, 0)
  assert.equal(growth.wanted(2, 1000), 6)
  growth.look(8, 8, 8, 0)
  assert.equal(growth.wanted(8, 1000), 56)
  assert.equal(growth.wanted(8, 20), 20)
  growth.look(64, 64, 64, 0)
  assert.equal(growth.wanted(64, 1000), 192)
})

test('an upstream that answers gets no more than eight', () => {
  const growth = new Growth()
  growth.begin(0)
  growth.look(2, 2, 2, 0)
  for (let look = 1; look < 7; look++) growth.look(8, 8, 8, 100 * look)
  assert.equal(growth.wanted(8, 1000), 0)
})

test('nor does one of which most connections are quick', () => {
  const growth = new Growth()
  growth.begin(0)
  growth.look(2, 2, 2, 0)
  for (let look = 1; look < 7; look++) growth.look(3, 8, 8, 0)
  assert.equal(growth.wanted(8, 1000), 0)
})

test('queries that wait for eight looks show that answers come too slowly', () => {
  const growth = new Growth()
  growth.begin(0)
  for (let look = 0; look < 8; look++) growth.look(0, 8, 8, look)
  assert.equal(growth.wanted(8, 1000), 56)
})

test('while none is connected nothing is learnt', () => {
  const growth = new Growth()
  growth.begin(0)
  for (let look = 0; look < 20; look++) growth.look(0, 0, 2, 0)
  assert.equal(growth.wanted(2, 1000), 0)
})

test('a limit the upstream showed holds for ten seconds, but never below one', () => {
  const growth = new Growth()
  growth.refused(20, 1000)
  assert.equal(growth.limit, 20)
  growth.settle(20, 10_999)
  assert.equal(growth.limit, 20)
  growth.settle(20, 11_000)
  assert.equal(growth.limit, 256)
  growth.refused(0, 20_000)
  assert.equal(growth.limit, 1)
})

test('a limit is doubted where queries wait at it, after twice as long where that was wrong', () => {
  const growth = new Growth()
  growth.refused(10, 1000)
  growth.begin(0)
  const look = (times: number): void => {
    for (let i = 0; i < times; i++) growth.look(0, 10, 10, i)
  }
  look(4)
  assert.equal(growth.limit, 10)
  look(1)
  assert.equal(growth.limit, 11)
  growth.refused(10, 1100)
  look(9)
  assert.equal(growth.limit, 10)
  look(1)
  assert.equal(growth.limit, 11)
  growth.begin(0)
  // The upstream takes more: twice as many with each doubt.
  for (const limit of [13, 17, 25]) {
    for (let i = 0; i < 10; i++) growth.look(0, growth.limit, growth.limit, i)
    assert.equal(growth.limit, limit)
  }
})

test('where connections are encrypted they double, and those being opened are waited for', () => {
  const growth = new Growth(true)
  growth.begin(0)
  growth.look(2, 2, 2, 0)
  assert.equal(growth.wanted(2, 100), 6)
  for (let look = 0; look < 9; look++) growth.look(8, 7, 8, 0)
  assert.equal(growth.wanted(8, 100), 0)
  for (let look = 0; look < 2; look++) growth.look(8, 8, 8, 0)
  assert.equal(growth.wanted(8, 100), 8)
  growth.begin(0)
  for (let look = 1; look < 32; look++) growth.look(8, 16, 16, look)
  assert.equal(growth.wanted(16, 100), 0)
  growth.look(8, 16, 16, 32)
  assert.equal(growth.wanted(16, 100), 16)
})

test('what is no longer needed is forgotten', () => {
  const growth = new Growth()
  growth.begin(0)
  for (let look = 0; look < 3; look++) growth.look(8, 8, 8, 0)
  growth.settle(8, 0)
  assert.equal(growth.wanted(8, 100), 0)
})
