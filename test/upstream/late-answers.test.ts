import assert from 'node:assert/strict'
import { test } from 'node:test'

import { LateAnswers } from '../../src/upstream/late-answers.ts'

test('late answers count for one second, and up to two', () => {
  const answers = new LateAnswers()
  answers.add(1, true, 10, 1_000)
  answers.add(5, true, 10, 1_999)
  assert.equal(answers.lately(1_999), 2, 'each connection once')
  assert.equal(answers.lately(2_000), 2)
  answers.add(1, true, 10, 2_500)
  assert.equal(answers.lately(2_999), 3)
  assert.equal(answers.lately(3_000), 1)
  assert.equal(answers.lately(5_500), 0, 'nothing was asked meanwhile')
})

test('they are many where they are more than a quarter', () => {
  const answers = new LateAnswers()
  assert.ok(!answers.areMany(0), 'none')
  answers.add(3, false, 10, 0)
  answers.add(1, true, 10, 0)
  assert.ok(!answers.areMany(0))
  answers.add(1, true, 10, 10)
  assert.ok(answers.areMany(10))
  answers.add(90, false, 10, 1_010)
  assert.ok(!answers.areMany(1_010))
  assert.ok(!answers.areMany(2_020), 'the first second is forgotten')
})

test('all are late where the fastest takes 100 ms, however late this process looked', () => {
  const answers = new LateAnswers()
  answers.add(1, false, 100, 0)
  answers.add(2, false, 300, 10)
  assert.equal(answers.lately(10), 3)
  assert.ok(answers.areMany(10))
  answers.add(1, false, 99, 1_020)
  assert.equal(answers.lately(1_020), 0)
  answers.add(1, false, 200, 2_030)
  assert.equal(answers.lately(2_030), 0, 'one was faster a second ago')
  answers.add(1, false, 200, 3_040)
  assert.equal(answers.lately(3_040), 2)
})
