import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_CHAIN, NO_SLOT, SlotChains } from '../../../src/plugins/cache/slot-chains.ts'

const SLOTS = 20

function chainOf(chains: SlotChains, hash: number): number[] {
  const found = []
  for (let slot = chains.first(hash); slot !== NO_SLOT; slot = chains.next(slot)) found.push(slot)
  return found
}

test('property: a chain holds exactly the slots linked under its hash, also once there are more', () => {
  const step = fc.record({ slot: fc.nat(SLOTS - 1), hash: fc.integer() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const chains = new SlotChains()
      const linked = new Map<number, number>()
      let room = 0
      for (const { slot, hash } of steps) {
        if (slot >= room) {
          room = slot + 1
          chains.grow(room, (one) => linked.has(one))
        }
        const before = linked.get(slot)
        if (before === undefined) {
          chains.link(slot, hash)
          linked.set(slot, hash)
        } else {
          chains.unlink(slot)
          linked.delete(slot)
        }
      }
      for (const [slot, hash] of linked) {
        assert.equal(chainOf(chains, hash).filter((one) => one === slot).length, 1)
        assert.ok(chainOf(chains, hash).every((one) => linked.has(one)))
        assert.ok(chains.has(slot, hash))
        assert.ok(!chains.has(slot, hash ^ 1))
      }
    }),
  )
})

test('a table without slots has nothing under any hash', () => {
  const chains = new SlotChains()
  for (const hash of [0, -1, 2 ** 31 - 1]) {
    assert.deepEqual(chainOf(chains, hash), [])
    assert.equal(chains.surplus(hash), NO_SLOT)
  }
})

test('who takes the surplus out before each link() has chains of MAX_CHAIN at most', () => {
  const chains = new SlotChains()
  chains.grow(100, () => false)
  const gone = []
  for (let slot = 0; slot < 100; slot++) {
    const surplus = chains.surplus(7)
    if (surplus !== NO_SLOT) {
      chains.unlink(surplus)
      gone.push(surplus)
    }
    chains.link(slot, 7)
    assert.ok(chainOf(chains, 7).length <= MAX_CHAIN)
  }
  // Those linked first went first.
  assert.deepEqual(
    gone,
    Array.from({ length: 100 - MAX_CHAIN }, (_, i) => i),
  )
})
