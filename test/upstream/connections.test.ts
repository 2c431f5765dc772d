import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Connections } from '../../src/upstream/connections.ts'
import type { UpstreamConnection } from '../../src/upstream/upstream-connection.ts'

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
