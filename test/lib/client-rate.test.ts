import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { ClientRate } from '../../src/lib/client-rate.ts'

/** How many of so many succeed. */
function count(rate: ClientRate, client: string, now: number, times: number): number {
  return Array.from({ length: times }, () => rate.take(client, now)).filter(Boolean).length
}

describe('ClientRate', () => {
  test('lets each client have its burst at once, then what comes back', () => {
    const rate = new ClientRate(10, 4)
    assert.equal(count(rate, 'a', 0, 30), 10)
    assert.equal(count(rate, 'b', 0, 30), 10)
    assert.equal(count(rate, 'a', 249, 30), 0)
    assert.equal(count(rate, 'a', 250, 30), 1)
    assert.equal(count(rate, 'a', 1_250, 30), 4)
  })

  test('refusals cost nothing: who tries all the time gets as much', () => {
    const rate = new ClientRate(10, 4)
    let had = 0
    for (let now = 0; now < 10_000; now += 1) had += count(rate, 'a', now, 1)
    assert.equal(had, 10 + 39)
  })

  test('no more than the burst is saved up', () => {
    const rate = new ClientRate(10, 4)
    assert.equal(count(rate, 'a', 0, 10), 10)
    assert.equal(count(rate, 'a', 3_600_000, 30), 10)
  })

  test('remembers 1,024 clients', () => {
    const rate = new ClientRate(1, 1)
    for (let i = 0; i < 1_024; i++) assert.equal(rate.take(`${i}`, 0), true)
    assert.equal(rate.take('0', 0), false)
    assert.equal(rate.take('new', 0), true)
    assert.equal(rate.take('0', 0), true)
    assert.equal(rate.take('1023', 0), false)
  })
})
