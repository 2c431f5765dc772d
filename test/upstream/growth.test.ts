import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Growth } from '../../src/upstream/growth.ts'

test('two connections for a start, even for one query', () => {
  const growth = new Growth()
  assert.equal(growth.wanted(0, 1), 2)
  assert.equal(growth.wanted(1, 1), 1)
  assert.equal(growth.wanted(2, 100), 0)
})

test('while no answer comes: eight, 64 and 256, never more than wait', () => {
  const growth = new Growth()
  growth.begin(0, 0)
  growth.look(2, 2, 2, 0, 10)
  assert.equal(growth.wanted(2, 1000), 6)
  growth.look(8, 8, 8, 0, 20)
  assert.equal(growth.wanted(8, 1000), 56)
  assert.equal(growth.wanted(8, 20), 20)
  growth.look(64, 64, 64, 0, 30)
  assert.equal(growth.wanted(64, 1000), 0)
  growth.look(64, 64, 64, 0, 40)
  assert.equal(growth.wanted(64, 1000), 192)
})

test('where queries have waited for long, 64 that bring no answer are followed by 256 after 80 ms', () => {
  const growth = new Growth()
  growth.begin(0, 0)
  growth.look(2, 2, 2, 0, 100)
  growth.look(8, 8, 8, 0, 110)
  assert.equal(growth.wanted(8, 1000), 56)
  for (let look = 0; look < 7; look++) growth.look(64, 64, 64, 0, 120 + 10 * look)
  assert.equal(growth.wanted(64, 1000), 0)
  growth.look(64, 64, 64, 0, 190)
  assert.equal(growth.wanted(64, 1000), 192)
})

test('connections that brought answers before they got stuck are followed by more at once', () => {
  const growth = new Growth()
  growth.begin(0, 0)
  growth.look(2, 2, 2, 0, 10)
  growth.look(8, 8, 8, 0, 20)
  growth.look(8, 64, 64, 50, 30)
  growth.look(64, 64, 64, 50, 40)
  assert.equal(growth.wanted(64, 1000), 0)
  growth.look(64, 64, 64, 50, 50)
  assert.equal(growth.wanted(64, 1000), 192)
})

test('an upstream that answers gets no more than eight', () => {
  const growth = new Growth()
  growth.begin(0, 0)
  growth.look(2, 2, 2, 0, 10)
  for (let look = 1; look < 7; look++) growth.look(8, 8, 8, 100 * look, 10 * look)
  assert.equal(growth.wanted(8, 1000), 0)
})

test('nor does one of which most connections are quick', () => {
  const growth = new Growth()
  growth.begin(0, 0)
  growth.look(2, 2, 2, 0, 10)
  for (let look = 1; look < 7; look++) growth.look(3, 8, 8, 0, 10 * look)
  assert.equal(growth.wanted(8, 1000), 0)
})

test('queries that wait for eight looks show that answers come too slowly', () => {
  const growth = new Growth()
  growth.begin(0, 0)
  for (let look = 0; look < 8; look++) growth.look(0, 8, 8, look, 10 * look)
  assert.equal(growth.wanted(8, 1000), 56)
})

test('while none is connected nothing is learnt', () => {
  const growth = new Growth()
  growth.begin(0, 0)
  for (let look = 0; look < 20; look++) growth.look(0, 0, 2, 0, 10 * look)
  assert.equal(growth.wanted(2, 1000), 0)
})

test('a limit the upstream showed holds for ten seconds, but never below one', () => {
  const growth = new Growth()
  growth.limit.refused(20, 1000)
  assert.equal(growth.limit.most, 20)
  growth.settle(20, 10_999)
  assert.equal(growth.limit.most, 20)
  growth.settle(20, 11_000)
  assert.equal(growth.most, 256)
  growth.limit.refused(0, 20_000)
  assert.equal(growth.limit.most, 1)
})

test('a limit is doubted where queries wait at it, after twice as long where that was wrong', () => {
  const growth = new Growth()
  growth.limit.refused(10, 1000)
  growth.begin(0, 0)
  const look = (times: number): void => {
    for (let i = 0; i < times; i++) growth.look(0, 10, 10, i, 10 * i)
  }
  look(4)
  assert.equal(growth.limit.most, 10)
  look(1)
  assert.equal(growth.limit.most, 11)
  growth.limit.refused(10, 1100)
  look(9)
  assert.equal(growth.limit.most, 10)
  look(1)
  assert.equal(growth.limit.most, 11)
  growth.begin(0, 0)
  // The upstream takes more: twice as many with each doubt.
  for (const limit of [13, 17, 25]) {
    for (let i = 0; i < 10; i++) growth.look(0, growth.limit.most, growth.limit.most, i, 10 * i)
    assert.equal(growth.limit.most, limit)
  }
})

test('a limit is tried at once, then after longer and longer pauses, and forgotten where it was none', () => {
  const growth = new Growth()
  assert.ok(!growth.limit.mayTry(256, 0), 'no limit')
  growth.limit.refused(10, 1000)
  assert.ok(!growth.limit.mayTry(9, 1000), 'there is room')
  const tried = Array.from({ length: 80 }, (_, i) => 1000 + 10 * i).filter((now) =>
    growth.limit.mayTry(10, now),
  )
  assert.deepEqual(tried, [1000, 1100, 1300, 1700])
  growth.limit.wasTaken()
  assert.equal(growth.most, 256)
  growth.limit.refused(10, 1800)
  assert.ok(growth.limit.mayTry(10, 1800))
})

test('each limit that was none makes it take twice as many connections without an answer to believe the next', () => {
  const growth = new Growth()
  const fruitless = (): number => {
    growth.limit.wasAccepted()
    for (let count = 0; ; count++) {
      if (growth.limit.isFull) return count
      growth.limit.wasFruitless()
    }
  }
  assert.equal(fruitless(), 2)
  growth.limit.refused(2, 1000)
  growth.limit.wasTaken()
  assert.equal(fruitless(), 4)
  for (let i = 0; i < 9; i++) growth.limit.wasTaken()
  assert.equal(fruitless(), 64)
  growth.settle(2, 11_000)
  assert.equal(fruitless(), 2)
})

test('where connections are encrypted they double, and those being opened are waited for', () => {
  const growth = new Growth(true)
  growth.begin(0, 0)
  growth.look(2, 2, 2, 0, 10)
  assert.equal(growth.wanted(2, 100), 6)
  for (let look = 0; look < 9; look++) growth.look(8, 7, 8, 0, 10 * look)
  assert.equal(growth.wanted(8, 100), 0)
  for (let look = 0; look < 2; look++) growth.look(8, 8, 8, 0, 20)
  assert.equal(growth.wanted(8, 100), 8)
  growth.begin(0, 0)
  for (let look = 1; look < 32; look++) growth.look(8, 16, 16, look, 10 * look)
  assert.equal(growth.wanted(16, 100), 0)
  growth.look(8, 16, 16, 32, 320)
  assert.equal(growth.wanted(16, 100), 16)
})

test('what is no longer needed is forgotten', () => {
  const growth = new Growth()
  growth.begin(0, 0)
  for (let look = 0; look < 3; look++) growth.look(8, 8, 8, 0, 20)
  growth.settle(8, 0)
  assert.equal(growth.wanted(8, 100), 0)
})

/** Looks each 10 ms at a pool that has as many connections as `Growth` wants, with 2,000 queries that wait. */
class Crowd {
  readonly growth = new Growth()
  open = 8
  most = 8
  now = 0
  #answers = 0

  constructor() {
    this.growth.begin(0, 0)
    this.look(1, () => 10)
  }

  /** @param answersPerMs of the upstream behind `open` connections; without any, all of them are late */
  look(times: number, answersPerMs: (open: number) => number): void {
    for (let i = 0; i < times; i++) {
      this.now += 10
      const count = 10 * answersPerMs(this.open)
      const late = count === 0 ? this.open : 0
      this.#answers += count
      this.growth.look(late, this.open, this.open, this.#answers, this.now)
      this.open += Math.max(this.growth.wanted(this.open, 2000), 0)
      this.open = Math.min(this.open, this.growth.enough(this.now))
      this.most = Math.max(this.most, this.open)
    }
  }
}

test('an upstream that has no more time to answer goes back to eight, for ten seconds', () => {
  const crowd = new Crowd()
  crowd.look(100, (open) => (open > 8 ? 5 : 10))
  assert.equal(crowd.open, 8)
  assert.equal(crowd.most, 64)
  crowd.most = 8
  crowd.look(900, () => 10)
  assert.equal(crowd.most, 8)
  crowd.look(100, () => 10)
  assert.deepEqual([crowd.open, crowd.most], [8, 64], 'which may have become wrong')
})

test('nor is one helped that was silent for a moment, and stuck connections with it', () => {
  const crowd = new Crowd()
  crowd.look(50, () => 10)
  crowd.look(5, () => 0)
  assert.ok(crowd.most >= 64)
  crowd.look(50, () => 10)
  assert.equal(crowd.open, 8)
})

test('where each query takes its time, but hardly any of the processor, more connections stay', () => {
  const crowd = new Crowd()
  const perQuery = 4
  crowd.look(30, (open) => open / perQuery)
  assert.equal(crowd.open, 256)
  crowd.most = 8
  crowd.look(900, (open) => open / perQuery)
  assert.equal(crowd.open, 256)
})

test('connections that follow others, beside the eight, do not count as many', () => {
  const crowd = new Crowd()
  crowd.open = 13
  crowd.look(8, (open) => open / 4)
  assert.equal(crowd.open, 104)
})

test('names that turn out slow while few connections are tried, or enough, get more at once', () => {
  const crowd = new Crowd()
  // Slow names first, so that the number of answers with few connections is not known.
  crowd.look(10, () => 0)
  assert.equal(crowd.open, 256)
  crowd.look(8, () => 80)
  assert.equal(crowd.open, 8, 'few are tried')
  crowd.look(2, () => 0)
  assert.equal(crowd.open, 256)
  crowd.look(24, () => 80)
  assert.equal(crowd.open, 256, 'not again so soon')
  crowd.look(20, () => 80)
  assert.equal(crowd.open, 8)
  crowd.look(20, () => 80)
  crowd.look(3, () => 0)
  assert.ok(crowd.open >= 64, 'enough they were for fast names')
})

test('few that bring fewer answers give way to as many as there were', () => {
  const crowd = new Crowd()
  crowd.look(10, () => 0)
  const perMs = (open: number): number => (open > 8 ? 80 : 20)
  crowd.look(8, perMs)
  assert.equal(crowd.open, 8)
  crowd.look(8, perMs)
  assert.equal(crowd.open, 256)
})

test('encrypted connections are not closed to see whether fewer do', () => {
  const growth = new Growth(true)
  growth.begin(0, 0)
  for (let look = 1; look < 200; look++) growth.look(0, 16, 16, 1000 * look, 10 * look)
  assert.equal(growth.enough(2000), Infinity)
})

test('names that are answered late get more than 256, two for each answer of the last two seconds', () => {
  const growth = new Growth()
  growth.begin(0, 0)
  assert.equal(growth.most, 256)
  const grown = (now: number): [number, number] => {
    growth.look(growth.most, growth.most, growth.most, 0, now)
    return [growth.most, growth.wanted(256, 2000)]
  }
  assert.equal(grown(10)[0], 256)
  for (let n = 0; n < 100; n++) growth.answered(1, true, 20, 20)
  // Fast names are worth none.
  growth.answered(1000, false, 1, 20)
  assert.equal(growth.most, 256, 'until somebody waits')
  assert.equal(grown(30)[0], 456)
  for (let look = 4; look < 12; look++) grown(10 * look)
  assert.deepEqual(grown(120), [456, 200])
  for (let n = 0; n < 1000; n++) growth.answered(1, true, 20, 130)
  assert.equal(grown(140)[0], 1024)
  growth.limit.refused(300, 140)
  assert.equal(growth.most, 300, 'unless the upstream does not take them')
  growth.settle(256, 11_000)
  assert.equal(growth.most, 256)
})

test('and few are not tried instead, though this thread be busy', () => {
  for (const isLate of [false, true]) {
    const crowd = new Crowd()
    crowd.look(10, () => 0)
    for (let n = 0; n < 200; n++) crowd.growth.answered(1, isLate, 20, crowd.now)
    crowd.look(8, () => 80)
    assert.equal(crowd.open < 256, !isLate)
  }
})

test('this thread being busy is no reason for more connections, unless names are slow; then they double', () => {
  for (const [perMs, open] of [
    [8, 8],
    [1, 32],
  ] as const) {
    let now = 0
    const growth = new Growth(false, () => 0.95 * now)
    growth.begin(0, 0)
    growth.look(2, 2, 2, 0, 0)
    let connections = 8
    for (let look = 1; look <= 16; look++) {
      now = 10 * look
      growth.look(0, connections, connections, perMs * now, now)
      connections += Math.max(0, growth.wanted(connections, 2000))
    }
    assert.equal(connections, open, `${perMs} answers per ms`)
  }
})

test('nor are looks that are held up, as where this process has used up its share of the processor', () => {
  const growth = new Growth(false, () => 0)
  growth.begin(0, 0)
  for (let look = 1; look <= 32; look++) {
    growth.look(0, 8, 8, 800 * look, 100 * look, look % 2 === 0)
  }
  assert.ok(growth.wanted(8, 2000) <= 0)
})

test('where this thread is busy, few connections are tried after three looks that took the time of eight', () => {
  let now = 0
  const growth = new Growth(false, () => now)
  growth.begin(0, 0)
  for (let look = 0; look < 3; look++) growth.look(8, 8, 8, 0, (now += 10))
  assert.equal(growth.wanted(8, 2000), 56)
  growth.look(4, 64, 64, 100, (now += 40), true)
  growth.look(4, 64, 64, 200, (now += 20), true)
  assert.equal(growth.enough(now), Infinity)
  growth.look(4, 64, 64, 300, (now += 40), true)
  assert.equal(growth.enough(now), 8)
})
