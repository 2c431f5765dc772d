import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { NO_SLOT } from '../../../src/plugins/cache/slot-chains.ts'
import { Slots } from '../../../src/plugins/cache/slots.ts'

/** What is taken, the oldest use first. */
type Model = number[]

const CAPACITY = 5
const steps = fc.array(
  fc.record({
    act: fc.constantFrom('take', 'touch', 'give', 'evict'),
    pick: fc.nat({ max: CAPACITY - 1 }),
  }),
  { maxLength: 60 },
)

test('Slots keep the order of use, whatever is taken and given back', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const slots = new Slots(CAPACITY)
      const model: Model = []
      for (const { act, pick } of taken) {
        step(slots, model, act, pick)
        assert.equal(slots.size, model.length)
        assert.deepEqual(new Set(slots), new Set(model))
        assert.equal(slots.oldest(), model[0] ?? NO_SLOT)
      }
    }),
  )
})

function step(slots: Slots, model: Model, act: string, pick: number): void {
  if (act === 'take') {
    const slot = slots.take()
    assert.equal(slot === NO_SLOT, model.length === CAPACITY)
    if (slot === NO_SLOT) return
    assert.ok(!model.includes(slot))
    model.push(slot)
    return
  }
  const slot = act === 'evict' ? slots.oldest() : (model[pick] ?? NO_SLOT)
  if (slot === NO_SLOT) return
  model.splice(model.indexOf(slot), 1)
  if (act === 'touch') {
    slots.touch(slot)
    model.push(slot)
  } else slots.give(slot)
}
