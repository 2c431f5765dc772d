import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { RttEstimator } from '../../src/upstream/rtt.ts'
import { FurtherAttempts } from '../../src/upstream/second-attempts.ts'
import { exchange } from './channel.ts'

/** Attempts at an upstream with a timeout of 50 ms, and an exchange sent at 1,000 ms. */
function setup(further: number, readTimeout = 2000) {
  const rtt = new RttEstimator(readTimeout)
  for (let i = 0; i < 50; i++) rtt.sample(1)
  const attempts = new FurtherAttempts(rtt)
  const x = exchange('a')
  x.further = further
  x.sentAt = 1000
  return { attempts, x, after: (ms: number) => attempts.patience(x, 1000 + ms) }
}

/** Takes what the budget has: three, as long as nothing was asked or won. */
function drain({ attempts }: { attempts: FurtherAttempts }): number {
  const x = exchange('b')
  x.further = 2
  x.sentAt = 1
  let taken = 0
  while (attempts.patience(x, 10_000) === 0) taken++
  return taken
}

describe('FurtherAttempts', () => {
  test('the attempts that every query has wait for one timeout', () => {
    const { after } = setup(0)
    assert.equal(after(50), 0)
  })

  test('a silent upstream is asked four queries again at once, the others after 2 s', () => {
    const { attempts, x, after } = setup(0)
    x.isLast = true
    for (let i = 0; i < 4; i++) assert.equal(after(50), 0)
    assert.equal(attempts.isSilent, true)
    assert.equal(after(50), 250, 'asked about again')
    assert.equal(after(1900), 100)
    assert.equal(after(2000), 0)
    x.isLast = false
    assert.equal(after(50), 0, 'another upstream is asked')
  })

  test('what is answered shows that the upstream is not silent, and what was sent before it lost', () => {
    const { attempts, x, after } = setup(0)
    x.isLast = true
    for (let i = 0; i < 4; i++) after(50)
    attempts.proven(999)
    assert.equal(after(100), 0, 'one answer allows one attempt')
    assert.equal(after(100), 250)
    attempts.proven(1000)
    for (let i = 0; i < 20; i++) assert.equal(after(100), 0)
  })

  test('a silent upstream is not asked further by the budget either', () => {
    const { attempts, x, after } = setup(1)
    assert.equal(after(100), 0)
    Object.assign(x, { further: 0, isLast: true })
    for (let i = 0; i < 4; i++) after(50)
    x.further = 1
    assert.equal(after(100), 250)
    attempts.proven(1000)
    assert.equal(after(100), 0)
  })

  test('who waits for a socket is not held', () => {
    const { after, x } = setup(1)
    x.sentAt = 0
    assert.equal(after(50), 0)
  })

  test('each further one waits twice as long as the one before, 2 s at most', () => {
    for (const [further, ms] of [100, 200, 400, 800].entries()) {
      const { after } = setup(further + 1)
      assert.equal(after(50), ms - 50)
      assert.equal(after(ms), 0)
    }
    assert.equal(setup(9).after(50), 1950)
    assert.equal(setup(3, 150).after(50), 100, 'read_timeout is the longest')
  })

  test('without budget the third attempt comes after 2 s, others do not', () => {
    const third = setup(1)
    assert.equal(drain(third), 3)
    assert.equal(third.after(100), 250, 'asked about again')
    assert.equal(third.after(1900), 100)
    assert.equal(third.after(2000), 0)
    const fourth = setup(2)
    drain(fourth)
    assert.equal(fourth.after(4000), 250)
  })

  test('one for forty queries, and one for each datagram that was lost', () => {
    const s = setup(1)
    drain(s)
    for (let i = 0; i < 90; i++) s.attempts.asked()
    assert.equal(drain(s), 2)
    for (let i = 0; i < 1000; i++) s.attempts.asked()
    assert.equal(drain(s), 3, 'what is not used does not pile up')
    for (let i = 0; i < 5; i++) s.attempts.won()
    assert.equal(drain(s), 5)
    for (let i = 0; i < 100; i++) s.attempts.won()
    assert.equal(drain(s), 16)
  })
})
