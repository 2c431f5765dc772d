import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'

import { type Occupant, Place, Places } from '../../src/lib/places.ts'

interface One extends Occupant {
  readonly name: string
  activeAt: number
  busy: boolean
}

const left: string[] = []

function one(name: string, activeAt: number, { busy = false } = {}): One {
  const made = {
    name,
    client: name[0]!,
    activeAt,
    busy,
    giveWay: () => void left.push(name),
  } as Omit<One, 'place'> & { place: Place }
  made.place = new Place(made)
  return made
}

/** Places that these have, who come in the order of their activity. */
function full(...occupants: readonly One[]): Places<One> {
  const places = new Places<One>(occupants.length)
  for (const each of occupants.toSorted((a, b) => a.activeAt - b.activeAt)) {
    assert.equal(places.add(each), null)
  }
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

  test('counts what has been done since, and nothing done before', () => {
    const [a, b] = [one('a1', 1), one('b1', 2)]
    const places = full(a, b, one('c1', 3))
    a.activeAt = 4
    places.touch(a)
    // Told without a change, it keeps its turn.
    places.touch(b)
    assert.equal(places.add(one('d1', 5))?.name, 'b1')
    places.touch(b)
    assert.equal(places.add(one('e1', 6))?.name, 'c1')
    assert.equal(places.size, 3)
  })

  test('keeps who has become busy, and not who is so no more', () => {
    const [a, b] = [one('a1', 1), one('b1', 2)]
    const places = full(a, b, one('c1', 3, { busy: true }))
    a.busy = true
    places.touch(a)
    assert.equal(places.add(one('d1', 4, { busy: true }))?.name, 'b1')
    a.busy = false
    places.touch(a)
    assert.equal(places.add(one('e1', 5))?.name, 'a1')
  })

  test('knows clients that come again, however many have come', () => {
    const places = new Places<One>(2)
    for (let i = 0; i < 100; i++) places.add(one(String.fromCodePoint(0x4e00 + i), i))
    assert.equal(places.size, 2)
    places.add(one('a1', 101))
    assert.equal(places.add(one('b1', 102))?.name, String.fromCodePoint(0x4e00 + 99))
    assert.equal(places.add(one('a2', 103))?.name, 'a1')
  })

  test('gives a place back once', () => {
    const a = one('a1', 1)
    const places = full(a, one('b1', 2))
    places.delete(a)
    places.delete(a)
    assert.equal(places.size, 1)
    assert.equal(places.add(one('c1', 3)), null)
  })

  test('chooses as one would who looks at all of them', () => {
    const step = fc.record({
      client: fc.constantFrom('a', 'b', 'c'),
      busy: fc.boolean(),
      // Which of those there does something first, and which leaves.
      touched: fc.array(fc.tuple(fc.nat(7), fc.boolean()), { maxLength: 3 }),
      leaves: fc.option(fc.nat(7)),
    })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 7 }),
        (steps, limit) => {
          const places = new Places<One>(limit)
          const there: One[] = []
          let now = 0
          for (const [i, { client, busy, touched, leaves }] of steps.entries()) {
            for (const [at, becomesBusy] of touched) {
              const which = there[at]
              if (which === undefined) continue
              which.activeAt = ++now
              which.busy = becomesBusy
              places.touch(which)
            }
            const [leaving] = leaves === null ? [] : there.splice(leaves, 1)
            if (leaving !== undefined) places.delete(leaving)
            const newcomer = one(`${client}${i}`, ++now, { busy })
            const expected = there.length < limit ? [] : toGiveWay(there, newcomer, limit)
            left.length = 0
            const gone = places.add(newcomer)
            assert.deepEqual(left, gone === null ? [] : [gone.name])
            assert.equal(gone === null, expected.length === 0)
            if (gone !== null) {
              assert.ok(expected.includes(gone), gone.name)
              there.splice(there.indexOf(gone), 1)
            }
            there.push(newcomer)
            assert.equal(places.size, there.length)
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})

/** Who may give way, by the rules as they are written: of clients with equally many, it may be anybody's. */
function toGiveWay(there: readonly One[], { client }: One, limit: number): One[] {
  const counts = new Map<string, number>()
  for (const each of there) counts.set(each.client, (counts.get(each.client) ?? 0) + 1)
  if (counts.has(client)) counts.set(client, counts.get(client)! + 1)
  const most = Math.max(...counts.values())
  const heaviest =
    counts.get(client) === most
      ? [client]
      : [...counts.keys()].filter((c) => counts.get(c) === most)
  const sorted = there.toSorted((a, b) => a.activeAt - b.activeAt)
  const own = heaviest.map((c) => sorted.filter((each) => each.client === c))
  const idle = (most > limit / 2 ? own[0]! : sorted).find(({ busy }) => !busy)
  return idle === undefined ? own.map((those) => those[0]!) : [idle]
}
