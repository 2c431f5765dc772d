import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Connections } from '../../src/upstream/connections.ts'
import type { UpstreamConnection } from '../../src/upstream/upstream-connection.ts'

/** One that is ready, which nobody has opened. */
function ready(what: Partial<UpstreamConnection> = {}): UpstreamConnection {
  return {
    isReady: true,
    readyAt: 1,
    isAside: false,
    owed: 0,
    ...what,
  } as unknown as UpstreamConnection
}

test('late ones are put aside until they answer, and are not forgotten meanwhile', () => {
  const connections = new Connections()
  const [a, b, c] = [ready({ owed: 1 }), ready(), ready({ owed: 2 })]
  for (const one of [a, b, c]) {
    connections.add(one)
    connections.connected(one)
  }
  connections.add(ready({ isReady: false, readyAt: 0 }))
  assert.equal(connections.ready, 3)
  assert.deepEqual(connections.prompt, [a, b, c])
  assert.equal(connections.busy, 2)
  const late = connections.setAside((one) => one.owed > 0)
  assert.deepEqual(late, [a, c])
  assert.deepEqual([connections.busy, connections.owedAside], [2, 3])
  assert.deepEqual(connections.prompt, [b])
  assert.equal(connections.count, 4)
  assert.ok(!connections.answered(b), 'was not late')
  assert.ok(connections.answered(c))
  assert.deepEqual(connections.prompt, [b, c])
  assert.equal(connections.busy, 2)
  connections.remove(a)
  connections.remove(b)
  assert.deepEqual(connections.prompt, [c])
  assert.deepEqual([connections.ready, connections.busy], [1, 1])
  connections.setAside(() => false)
  assert.deepEqual(connections.prompt, [c], 'one that is being opened takes nothing yet')
})

test('those beyond enough take no more queries, but for members and those being opened', () => {
  const connections = new Connections()
  const gone: string[] = []
  const add = (name: string, what: Partial<UpstreamConnection> = {}): UpstreamConnection => {
    const c = { isReady: true, isMember: false, isRetired: false, isIdle: false, ...what }
    const fake = { ...c, destroy: () => gone.push(name) } as unknown as UpstreamConnection
    connections.add(fake)
    return fake
  }
  const first = add('first')
  const busy = add('busy')
  const idle = add('idle', { isIdle: true })
  const member = add('member', { isMember: true, isIdle: true })
  const opening = add('opening', { isReady: false, isIdle: true })
  connections.trim(256)
  assert.deepEqual(gone, [])
  connections.trim(1)
  connections.trim(1)
  assert.deepEqual(gone, ['idle'])
  const retired = [first, busy, idle, member, opening].map(({ isRetired }) => isRetired)
  assert.deepEqual(retired, [false, true, true, false, false])
})
