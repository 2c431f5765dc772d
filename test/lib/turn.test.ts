import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { Turn } from '../../src/lib/turn.ts'

test('everything added in a turn is flushed at its end, in order', async () => {
  const turn = new Turn()
  const flushed: string[] = []
  const one = (name: string): { flush: () => void } => ({ flush: () => flushed.push(name) })
  turn.add(one('a'))
  turn.add(one('b'))
  assert.deepEqual(flushed, [])
  await nextTurn()
  assert.deepEqual(flushed, ['a', 'b'])
})

test('what is added while flushing waits for the next turn', async () => {
  const turn = new Turn()
  const flushed: string[] = []
  turn.add({
    flush() {
      flushed.push('first')
      turn.add({ flush: () => flushed.push('second') })
    },
  })
  await nextTurn()
  assert.deepEqual(flushed, ['first'])
  await nextTurn()
  assert.deepEqual(flushed, ['first', 'second'])
})

test('who has more to do goes on behind everything else, once a turn, and nothing pauses', async () => {
  const order: string[] = []
  const turn = new Turn(() => order.push('pause'))
  const one = {
    goOn: (): void => {
      order.push('goes on')
      if (order.length < 4) turn.addLast(one)
    },
  }
  turn.count(1000, 5)
  turn.addLast(one)
  turn.add({ flush: () => order.push('flush') })
  turn.count(1, 6)
  await nextTurn()
  assert.deepEqual(order, ['flush', 'goes on'])
  turn.add({ flush: () => order.push('flush') })
  await nextTurn()
  assert.deepEqual(order, ['flush', 'goes on', 'flush', 'goes on'])
})

/** A turn that counts its pauses, and packets at an even rate for `ms` milliseconds. */
class Paced {
  pauses = 0
  readonly turn: Turn = new Turn(() => void this.pauses++)
  #now = 1000

  async receive(packetsPerMs: number, ms: number): Promise<void> {
    for (let i = 0; i < ms; i++) {
      this.#now += 1
      this.turn.count(packetsPerMs, this.#now)
      await nextTurn()
    }
  }
}

test('small turns pause from 50,000 packets a second on', async () => {
  const paced = new Paced()
  await paced.receive(49, 40)
  assert.equal(paced.pauses, 0)
  await paced.receive(50, 40)
  assert.ok(paced.pauses > 30)
})

test('a pause comes after the flushes of its turn', async () => {
  const order: string[] = []
  const turn = new Turn(() => order.push('pause'))
  for (let now = 0; now <= 8; now += 4) turn.count(250, now)
  await nextTurn()
  turn.count(1, 9)
  turn.add({ flush: () => order.push('flush') })
  await nextTurn()
  assert.deepEqual(order, ['flush', 'pause'])
})

test('a full turn does not pause', async () => {
  const paced = new Paced()
  await paced.receive(64, 40)
  assert.equal(paced.pauses, 0)
})

test('pauses end when the rate falls', async () => {
  const paced = new Paced()
  await paced.receive(60, 20)
  const { pauses } = paced
  await paced.receive(10, 40)
  assert.ok(paced.pauses - pauses <= 4)
})
