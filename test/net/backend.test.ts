import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { chooseUdpBackend } from '../../src/net/backend.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'

describe('chooseUdpBackend()', () => {
  const EBADF = 9
  const ENOSYS = 38
  /** A C library of which two calls fail with what is given, or as without a descriptor. */
  const answering = (errors: { recvmmsg?: number; sendmmsg?: number }): Libc => {
    let error = 0
    const failing = (number = EBADF) => {
      return () => {
        error = number
        return -1
      }
    }
    const { recvmmsg, sendmmsg } = errors
    const calls = { recvmmsg: failing(recvmmsg), sendmmsg: failing(sendmmsg), errno: () => error }
    return calls as unknown as Libc
  }
  const missing = (): { libc: null; reason: string } => ({ libc: null, reason: 'no binary' })

  test('takes the batched backend where the C library can be called', () => {
    const loaded = { libc: answering({}), reason: '' as const }
    assert.equal(chooseUdpBackend({}, () => loaded).name, 'batched')
    assert.equal(chooseUdpBackend({ DNSLET_UDP: 'batched' }, () => loaded).name, 'batched')
    assert.equal(chooseUdpBackend({}).name, libc().libc === null ? 'dgram' : 'batched')
  })

  test('takes node:dgram where it cannot, and says why', () => {
    const { name, reason } = chooseUdpBackend({}, missing)
    assert.deepEqual([name, reason], ['dgram', 'no binary'])
  })

  test('takes node:dgram where a call of the batched one is refused, and says which', () => {
    for (const call of ['recvmmsg', 'sendmmsg'] as const) {
      const loaded = { libc: answering({ [call]: ENOSYS }), reason: '' as const }
      const { name, reason } = chooseUdpBackend({}, () => loaded)
      assert.deepEqual(
        [name, reason],
        ['dgram', `${call}() is refused, by a seccomp profile perhaps`],
      )
    }
  })

  test('takes node:dgram when told so, with and without the C library', () => {
    for (const load of [missing, libc]) {
      const { name, reason } = chooseUdpBackend({ DNSLET_UDP: 'dgram' }, load)
      assert.deepEqual([name, reason], ['dgram', 'DNSLET_UDP=dgram'])
    }
  })
})
