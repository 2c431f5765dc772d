import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NO_SLOT, SlotChains } from '../../../src/plugins/cache/slot-chains.ts'

const SLOTS = 20

test('property: a chain holds exactly the slots linked under its hash', () => {
  const step = fc.record({ slot: fc.nat(SLOTS - 1), hash: fc.integer() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const chains = new SlotChains(SLOTS)
      const linked = new Map<number, number>()
      for (const { slot, hash } of steps) {
        const before = linked.get(slot)
        if (before === undefined) {
          chains.link(slot, hash)
          linked.set(slot, hash)
        } else {
          chains.unlink(slot, before)
          linked.delete(slot)
        }
      }
      const under = (hash: number): number[] => {
        const found = []
        for (let slot = chains.first(hash); slot !== NO_SLOT; slot = chains.next(slot)) {
          found.push(slot)
        }
        return found
      }
      for (const [slot, hash] of linked) {
        assert.equal(under(hash).filter((one) => one === slot).length, 1)
        assert.ok(under(hash).every((one) => linked.has(one)))
      }
    }),
  )
})
