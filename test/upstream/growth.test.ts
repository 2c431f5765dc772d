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

test('a limit the upstream showed holds for ten seconds, but never below two', () => {
  const growth = new Growth()
  growth.refused(20, 1000)
  assert.equal(growth.limit, 20)
  growth.settle(20, 10_999)
  assert.equal(growth.limit, 20)
  growth.settle(20, 11_000)
  assert.equal(growth.limit, 256)
  growth.refused(0, 20_000)
  assert.equal(growth.limit, 2)
})

test('a limit that was guessed is doubted where everything is stuck at it', () => {
  for (const guessed of [true, false]) {
    const growth = new Growth()
    growth.refused(10, 1000, guessed)
    growth.begin(0)
    for (let look = 0; look < 10; look++) growth.look(10, 10, 10, 0)
    assert.equal(growth.limit, guessed ? 20 : 10)
  }
})

test('what is no longer needed is forgotten', () => {
  const growth = new Growth()
  growth.begin(0)
  for (let look = 0; look < 3; look++) growth.look(8, 8, 8, 0)
  growth.settle(8, 0)
  assert.equal(growth.wanted(8, 100), 0)
})
