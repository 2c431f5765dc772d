import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Spread } from '../../src/upstream/spread.ts'
import type { UpstreamConnection } from '../../src/upstream/upstream-connection.ts'

test('where nothing tells servers apart, each of three has a fifth of the queries of a minute', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const parts = partsByChance(seed, false)
    assert.ok(Math.min(...parts) >= 0.2, `${seed}: ${parts.join()}`)
  }
  const dials = (isCostly: boolean): number => partsByChance(1, isCostly).dials
  assert.ok(
    dials(false) > 200 && dials(true) < 20,
    'a handshake of TLS each half a second is too much',
  )
})

/**
 * The parts of three servers behind one address in a minute at 150 queries a second, where each connection leads
 * to one of them by chance: the first ones to the only server that there was, until 90 s before that minute.
 */
function partsByChance(seed: number, isCostly: boolean): number[] & { dials: number } {
  let state = seed
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const spread = new Spread(0, isCostly, random)
  const parts = Object.assign([0, 0, 0], { dials: 0 })
  const led = new Map<UpstreamConnection, number>()
  const dial = (now: number, isSuccessor: boolean, server: number): void => {
    const c = { isSuccessor, backend: null, readyAt: now, isMember: false, findBackend() {} }
    const connection = c as unknown as UpstreamConnection
    led.set(connection, server)
    parts.dials++
    spread.dialled(isSuccessor, now)
    spread.joined(connection)
    spread.proven(connection, now)
  }
  for (let i = 0; i < 2; i++) dial(0, false, 0)
  const [queries, before] = [150 * 150, 90 * 150]
  for (let query = 0; query < queries; query++) {
    const now = query / 0.15
    if (spread.asked(now)) dial(now, true, Math.floor(3 * random()))
    const server = led.get(spread.members[spread.turn()]!)!
    if (query >= before) parts[server]! += 1 / (queries - before)
  }
  return parts
}
