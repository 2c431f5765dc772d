import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'

import { Roster } from '../../src/lib/roster.ts'

const member = (name: number) => ({ name, rosterAt: -1 })

function names(roster: Roster<ReturnType<typeof member>>): number[] {
  const all: number[] = []
  roster.each(({ name }) => void all.push(name))
  return all.toSorted((a, b) => a - b)
}

describe('Roster', () => {
  test('has whom it was given and who has not left', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(7)), (steps) => {
        const roster = new Roster<ReturnType<typeof member>>()
        const all = Array.from({ length: 8 }, (_, i) => member(i))
        const expected = new Set<number>()
        for (const i of steps) {
          if (expected.delete(i)) roster.delete(all[i]!)
          else {
            roster.delete(all[i]!)
            roster.add(all[i]!)
            expected.add(i)
          }
          assert.equal(roster.size, expected.size)
          assert.deepEqual(
            names(roster),
            [...expected].toSorted((a, b) => a - b),
          )
        }
      }),
    )
  })

  test('visits each that stays, whoever leaves or comes meanwhile', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(5)), { minLength: 6, maxLength: 6 }), (leaving) => {
        const roster = new Roster<ReturnType<typeof member>>()
        const all = leaving.map((_, i) => member(i))
        for (const one of all) roster.add(one)
        const left = new Set<number>()
        const visited = new Set<number>()
        roster.each(({ name }) => {
          if (name >= 10) return
          assert.ok(!left.has(name))
          visited.add(name)
          roster.add(member(10 + name))
          for (const other of leaving[name]!) {
            roster.delete(all[other]!)
            left.add(other)
          }
        })
        for (const { name } of all) assert.ok(visited.has(name) || left.has(name))
      }),
    )
  })
})
