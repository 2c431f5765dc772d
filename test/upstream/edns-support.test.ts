import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EdnsSupport } from '../../src/upstream/edns-support.ts'

describe('EdnsSupport', () => {
  test('offers EDNS to whom nothing is known about', () => {
    const support = new EdnsSupport()
    for (let now = 0; now < 10_000; now += 1000) assert.ok(support.offer(now, false))
  })

  test('once OPT was answered, nothing takes it away again', () => {
    const support = new EdnsSupport()
    support.answered()
    for (let i = 0; i < 100; i++) {
      support.suspect()
      assert.ok(support.offer(i, false))
      support.answeredPlain(i, true)
      assert.ok(support.offer(i, false))
    }
  })

  test('while OPT is suspected only DO brings it', () => {
    const support = new EdnsSupport()
    support.suspect()
    assert.ok(!support.offer(0, false))
    assert.ok(support.offer(0, true))
  })

  test('an error without OPT as well acquits it', () => {
    const support = new EdnsSupport()
    support.suspect()
    support.answeredPlain(0, false)
    assert.ok(support.offer(0, false))
  })

  test('is tried by one query after 1 s, then after twice that, at last after 5 min', () => {
    const support = new EdnsSupport()
    support.suspect()
    support.answeredPlain(0, true)
    let now = 0
    const pauses: number[] = []
    for (let i = 0; i < 12; i++) {
      const since = now
      while (!support.offer(now, false)) now += 500
      pauses.push((now - since) / 1000)
      assert.ok(!support.offer(now, false), 'the others go on without')
      support.suspect()
      support.answeredPlain(now, true)
      // No longer suspected, an answer without OPT proves nothing more.
      support.answeredPlain(now, true)
    }
    assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
  })

  test('a trial that nobody hears of again is repeated', () => {
    const support = new EdnsSupport()
    support.suspect()
    support.answeredPlain(0, true)
    assert.ok(support.offer(1000, false))
    assert.ok(!support.offer(2999, false))
    assert.ok(support.offer(3000, false))
    support.answered()
    assert.ok(support.offer(3001, false))
  })
})
