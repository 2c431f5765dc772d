import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import fc from 'fast-check'

import { Exchange } from '../../src/upstream/exchange.ts'
import { Given, WaitingList } from '../../src/upstream/waiting-list.ts'
import { exchange } from './channel.ts'

function of(client: number, name: string = 'x'): Exchange {
  const x = exchange(name)
  x.client = client
  return x
}

/** Whom the list gives `most` places to, in order. */
function served(
  list: WaitingList,
  most: number,
  passes: (x: Exchange) => boolean = () => false,
): Exchange[] {
  const order: Exchange[] = []
  list.serve((x) => {
    if (passes(x)) return Given.Passed
    if (order.length === most) return Given.Nothing
    order.push(x)
    list.cancel(x)
    return Given.Place
  })
  return order
}

test('takeAll() gives those who still wait, oldest first', () => {
  const list = new WaitingList()
  const xs = ['a', 'b', 'c', 'd'].map((name, i) => of(i % 2, name))
  xs.forEach((x, i) => list.add(x, i))
  list.cancel(xs[1]!)
  assert.equal(list.size, 3)
  assert.deepEqual(list.takeAll(), [xs[0], xs[2], xs[3]])
  assert.equal(list.size, 0)
  assert.equal(list.first(), null)
  assert.equal(xs[0]!.carrier, null)
  assert.deepEqual(list.takeAll(), [])
})

test('takeOlder() leaves those who have waited for less', () => {
  const list = new WaitingList()
  const xs = [of(1), of(2), of(1)]
  xs.forEach((x, i) => list.add(x, 10 * i))
  assert.deepEqual(list.takeOlder(10), [xs[0], xs[1]])
  assert.deepEqual(list.all(), [xs[2]])
})

test('at the bound each who leaves makes room', () => {
  const list = new WaitingList()
  const { owner } = exchange('x')
  const xs = Array.from({ length: 16_384 }, () => new Exchange(owner))
  for (const x of xs) list.add(x, 0)
  assert.ok(list.full)
  list.cancel(xs[5000]!)
  assert.ok(!list.full)
  for (const x of xs) if (x.carrier !== null) list.cancel(x)
  assert.equal(list.size, 0)
})

describe('clients that wait', () => {
  test('take turns, each with its oldest: one query goes before 2,000 of another client', () => {
    const list = new WaitingList()
    const noisy = Array.from({ length: 2000 }, () => of(1))
    for (const x of noisy) list.add(x, 0)
    assert.deepEqual(served(list, 10), noisy.slice(0, 10))
    const calm = of(2)
    list.add(calm, 5)
    assert.deepEqual(served(list, 3), [noisy[10], calm, noisy[11]])
  })

  test('have as many places each, however many wait', () => {
    const list = new WaitingList()
    for (let client = 0; client < 4; client++) {
      for (let n = 0; n < 10 ** client; n++) list.add(of(client), 0)
    }
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 30; i++) {
      const [x] = served(list, 1)
      counts[x!.client]!++
    }
    assert.deepEqual(counts, [1, 10, 10, 9])
    assert.equal(list.size, 1111 - 30)
  })

  test('keep their turn while nothing is to be had', () => {
    const list = new WaitingList()
    const xs = [of(1), of(2)]
    for (const x of xs) list.add(x, 0)
    assert.deepEqual(served(list, 0), [])
    assert.equal(list.first(), xs[0])
    assert.deepEqual(served(list, 1), [xs[0]])
    assert.equal(list.first(), xs[1])
  })

  test('are passed by others, and by their own, where there is no place for one of them alone', () => {
    const list = new WaitingList()
    const stay = [of(1, 'stays'), of(3, 'stays')]
    const go = [of(1), of(2), of(2)]
    for (const x of [...stay, ...go]) list.add(x, 0)
    const offered: Exchange[] = []
    const passes = (x: Exchange): boolean => {
      offered.push(x)
      return stay.includes(x)
    }
    assert.deepEqual(served(list, 9, passes), [go[0], go[1], go[2]])
    assert.equal(new Set(offered).size, offered.length, 'nobody is asked twice')
    assert.deepEqual(list.all(), stay)
  })

  test('some may be taken out, whosever turn it is', () => {
    const list = new WaitingList()
    const xs = [1, 2, 3, 1, 2, 3].map((client) => of(client))
    for (const x of xs) list.add(x, 0)
    assert.deepEqual(list.takeOf(new Set([1, 3, 9])), [xs[0], xs[3], xs[2], xs[5]])
    assert.deepEqual(served(list, 9), [xs[1], xs[4]])
  })

  test('wait for each other client once at most, whatever happens', () => {
    const Step = fc.oneof(
      fc.record({ add: fc.integer({ min: 0, max: 4 }) }),
      fc.record({ cancel: fc.nat() }),
      fc.record({ serve: fc.integer({ min: 0, max: 3 }) }),
    )
    fc.assert(
      fc.property(fc.array(Step, { maxLength: 200 }), (steps) => {
        const list = new WaitingList()
        /** Who waits, by client, oldest first. */
        const model = new Map<number, Exchange[]>()
        /** For each client: how often others were served since it last was, or left, or began to wait. */
        const passed = new Map<number, Map<number, number>>()
        const left = (x: Exchange): void => {
          const own = model.get(x.client)!
          own.splice(own.indexOf(x), 1)
          if (own.length === 0) model.delete(x.client)
        }
        for (const step of steps) {
          if ('add' in step) {
            const x = of(step.add)
            if (!model.has(x.client)) passed.set(x.client, new Map())
            model.set(x.client, [...(model.get(x.client) ?? []), x])
            list.add(x, 0)
          } else if ('cancel' in step) {
            const all = [...model.values()].flat()
            const x = all[step.cancel % all.length]
            if (x === undefined) continue
            list.cancel(x)
            left(x)
            // If it was its turn, that is over.
            passed.set(x.client, new Map())
          } else {
            for (const x of served(list, step.serve)) {
              assert.equal(x, model.get(x.client)![0], 'each client its oldest')
              left(x)
              passed.set(x.client, new Map())
              for (const client of model.keys()) {
                if (client === x.client) continue
                const by = passed.get(client)!
                const times = (by.get(x.client) ?? 0) + 1
                assert.ok(times <= 1, `client ${x.client} was before ${client} ${times} times`)
                by.set(x.client, times)
              }
            }
          }
          const size = [...model.values()].reduce((sum, { length }) => sum + length, 0)
          assert.equal(list.size, size)
          assert.equal(list.all().length, size)
          assert.equal(list.first() === null, size === 0)
        }
      }),
    )
  })
})
