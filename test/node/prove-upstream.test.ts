import assert from 'node:assert/strict'
import { test } from 'node:test'

import { proveUpstream } from '../../src/node/handover.ts'

/** A daemon that has these problems, one after the other, and what it was asked. */
function fake(...problems: (string | null)[]): {
  readonly asked: string[]
  readonly selfQuery: (name: string) => Promise<string | null>
} {
  const asked: string[] = []
  return {
    asked,
    async selfQuery(name) {
      asked.push(name)
      return problems.shift() ?? null
    },
  }
}

const upstreamKnown = (): boolean => true

test('asks for names that no cache knows, twice at most', async () => {
  const well = fake(null)
  await proveUpstream({ daemon: well, upstreamKnown, zone: 'cluster.local.' })
  assert.match(well.asked.join(), /^dnslet-[0-9a-f]{12}\.default\.svc\.cluster\.local\.$/)
  const once = fake('a datagram was lost')
  await proveUpstream({ daemon: once, upstreamKnown, zone: 'cluster.local.' })
  assert.equal(new Set(once.asked).size, 2)
  const never = fake('it answers SERVFAIL', 'it answers SERVFAIL')
  await assert.rejects(proveUpstream({ daemon: never, upstreamKnown, zone: '.' }), {
    code: 'E_UPSTREAM',
    message: /^Cannot take over: it answers SERVFAIL; the running dnslet/,
  })
  assert.equal(never.asked.length, 2)
})

test('waits for the address of the upstream Service, 15 seconds at most', async () => {
  const daemon = fake(null)
  let waited = 0
  const wait = async (ms: number): Promise<void> => void (waited += ms)
  const late = (): boolean => waited >= 2_000
  await proveUpstream({ daemon, upstreamKnown: late, zone: '.', wait })
  assert.deepEqual([waited, daemon.asked.length], [2_000, 1])
  waited = 0
  await assert.rejects(
    proveUpstream({ daemon, upstreamKnown: () => false, zone: '.', wait }),
    /the address of the upstream Service is not known/,
  )
  assert.deepEqual([waited, daemon.asked.length], [15_000, 1])
})
