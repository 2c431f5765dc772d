import assert from 'node:assert/strict'
import { test } from 'node:test'

import { clientOf } from '../../src/lib/client-share.ts'

test('clientOf() is the address, of IPv6 the first 64 bits', () => {
  const cases = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64%eth0'],
    ['', ''],
  ] as const
  for (const [address, client] of cases) assert.equal(clientOf(address), client)
})
