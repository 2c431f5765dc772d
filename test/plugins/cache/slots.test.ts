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

test('Slots keep the order of use while there come to be many more', () => {
  const slots = new Slots(20_000)
  const order: number[] = []
  let touched: number[] = []
  for (let slot = slots.take(); slot !== NO_SLOT; slot = slots.take()) {
    if (slot % 7 === 0) touched.push(slot)
    else order.push(slot)
    // Just before and after they grow, some are used again.
    if (Number.isInteger(Math.log2(slots.size))) {
      for (const one of touched) slots.touch(one)
      order.push(...touched)
      touched = []
    }
  }
  order.push(...touched)
  assert.equal(order.length, 20_000)
  assert.deepEqual([...slots.recent(20_000)], orderOf(slots))
})

function orderOf(slots: Slots): number[] {
  const found: number[] = []
  for (let slot = slots.oldest(); slot !== NO_SLOT; slot = slots.oldest()) {
    found.push(slot)
    slots.give(slot)
  }
  return found
}
