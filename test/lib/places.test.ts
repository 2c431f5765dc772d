import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'

import { type Occupant, Places } from '../../src/lib/places.ts'

interface One extends Occupant {
  readonly name: string
  readonly held: number
}

const left: string[] = []

function one(name: string, activeAt: number, { busy = false, held = 0 } = {}): One {
  return { name, client: name[0]!, activeAt, busy, held, giveWay: () => void left.push(name) }
}

function full(...occupants: readonly One[]): Places<One> {
  const places = new Places<One>(occupants.length)
  for (const each of occupants) assert.equal(places.add(each), null)
  left.length = 0
  return places
}

describe('Places', () => {
  test('lets the longest idle give way, whoever it belongs to', () => {
    const places = full(one('a1', 3), one('b1', 1), one('c1', 2), one('c2', 4))
    assert.equal(places.add(one('d1', 5))?.name, 'b1')
    assert.deepEqual(left, ['b1'])
    assert.equal(places.size, 4)
  })

  test('takes it from a client that has more than half, newer as it may be', () => {
    const places = full(one('a1', 1), one('b1', 3), one('b2', 2), one('b3', 4))
    assert.equal(places.add(one('c1', 5))?.name, 'b2')
    // It has two of four by now.
    assert.equal(places.add(one('d1', 6))?.name, 'a1')
  })

  test('counts the newcomer among those of its client', () => {
    const places = full(one('a1', 1), one('b1', 3), one('b2', 2), one('c1', 4))
    assert.equal(places.add(one('b3', 5))?.name, 'b2')
  })

  test('lets no busy one give way while another is idle', () => {
    const places = full(one('a1', 1, { busy: true }), one('b1', 2), one('c1', 0, { busy: true }))
    assert.equal(places.add(one('d1', 3))?.name, 'b1')
  })

  test("takes the heaviest client's that waits longest where all are busy", () => {
    const busy = { busy: true }
    const places = full(one('a1', 1, busy), one('b1', 3, busy), one('b2', 2, busy))
    assert.equal(places.add(one('c1', 4, busy))?.name, 'b2')
    assert.equal(places.size, 3)
  })

  test('freeOctets() ends what holds most of the client that holds most', () => {
    const places = full(
      one('a1', 1, { held: 90 }),
      one('b1', 2, { held: 50 }),
      one('b2', 3, { held: 60 }),
      one('c1', 4),
    )
    const order = [0, 1, 2, 3].map(() => places.freeOctets(({ held }) => held)?.name)
    assert.deepEqual(order, ['b2', 'a1', 'b1', undefined])
  })

  test('gives a place back once', () => {
    const a = one('a1', 1)
    const places = full(a, one('b1', 2))
    places.delete(a)
    places.delete(a)
    assert.equal(places.size, 1)
    assert.equal(places.add(one('c1', 3)), null)
  })

  test('always has a place for the newest and never more than there are', () => {
    const newcomer = fc.record({
      client: fc.constantFrom('a', 'b', 'c'),
      activeAt: fc.nat(9),
      busy: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(newcomer, { maxLength: 40 }),
        fc.integer({ min: 1, max: 6 }),
        (all, limit) => {
          const places = new Places<One>(limit)
          all.forEach(({ client, activeAt, busy }, i) => {
            left.length = 0
            const before = places.size
            const gone = places.add(one(`${client}${i}`, activeAt, { busy }))
            assert.equal(gone !== null, before === limit)
            assert.deepEqual(left, gone === null ? [] : [gone.name])
            assert.notEqual(gone?.name, `${client}${i}`)
            assert.equal(places.size, Math.min(limit, before + 1))
          })
        },
      ),
    )
  })
})
