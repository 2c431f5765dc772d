import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { chooseUdpBackend } from '../../src/net/backend.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'

describe('chooseUdpBackend()', () => {
  const missing = (): { libc: null; reason: string } => ({ libc: null, reason: 'no binary' })

  test('takes the batched backend where the C library can be called', () => {
    const loaded = { libc: {} as Libc, reason: '' as const }
    assert.equal(chooseUdpBackend({}, () => loaded).name, 'batched')
    assert.equal(chooseUdpBackend({ DNSLET_UDP: 'batched' }, () => loaded).name, 'batched')
    assert.equal(chooseUdpBackend({}).name, libc().libc === null ? 'dgram' : 'batched')
  })

  test('takes node:dgram where it cannot, and says why', () => {
    const { name, reason } = chooseUdpBackend({}, missing)
    assert.deepEqual([name, reason], ['dgram', 'no binary'])
  })

  test('takes node:dgram when told so, with and without the C library', () => {
    for (const load of [missing, libc]) {
      const { name, reason } = chooseUdpBackend({ DNSLET_UDP: 'dgram' }, load)
      assert.deepEqual([name, reason], ['dgram', 'DNSLET_UDP=dgram'])
    }
  })
})
