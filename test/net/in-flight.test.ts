import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { InFlight } from '../../src/net/in-flight.ts'

describe('InFlight', () => {
  test('settles with the last one, or when the time is over', async () => {
    const inFlight = new InFlight()
    await inFlight.settle(60_000)
    inFlight.add()
    inFlight.add()
    await inFlight.settle(0)
    const settled = inFlight.settle(60_000)
    inFlight.done()
    inFlight.done()
    await settled
    assert.equal(inFlight.count, 0)
  })

  test('is silent where the time was over before', async () => {
    const warnings: string[] = []
    const note = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', note)
    const inFlight = new InFlight()
    inFlight.add()
    await inFlight.settle(-0.01)
    await nextTurn()
    process.off('warning', note)
    assert.deepEqual(warnings, [])
  })
})
