import assert from 'node:assert/strict'
import { test } from 'node:test'

import { proveUpstream } from '../../src/daemon/prove-upstream.ts'

/** A daemon that has these problems, one after the other, and what it was asked. */
function daemon(...problems: (string | null)[]): {
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

test('asks for names that no cache knows, twice at most', async () => {
  const well = daemon(null)
  await proveUpstream(well, () => true, 'cluster.local.')
  assert.match(well.asked.join(), /^dnslet-[0-9a-f]{12}\.default\.svc\.cluster\.local\.$/)
  const once = daemon('a datagram was lost')
  await proveUpstream(once, () => true, 'cluster.local.')
  assert.equal(new Set(once.asked).size, 2)
  const never = daemon('it answers SERVFAIL', 'it answers SERVFAIL')
  await assert.rejects(
    proveUpstream(never, () => true, '.'),
    { code: 'E_UPSTREAM', message: /^Cannot take over: it answers SERVFAIL; the running dnslet/ },
  )
  assert.equal(never.asked.length, 2)
})

test('asks nothing while the upstream Service has no address', async () => {
  const well = daemon(null)
  await assert.rejects(
    proveUpstream(well, () => false, '.'),
    /the address of the upstream Service is not known/,
  )
  assert.deepEqual(well.asked, [])
})
