import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseNameservers } from '../../../src/plugins/forward/nameservers.ts'

test('parseNameservers() takes nameserver lines and nothing else', () => {
  const text = `# nameserver 192.0.2.9
search example.com
nameserver 192.0.2.1
  nameserver\tfd00::1 extra
nameserver fe80::1%eth0
nameserver fe90::1%eth0
nameserver fd00::2%eth0
nameserver localhost
nameserver
nameservers 192.0.2.8
options ndots:5`
  assert.deepEqual(
    parseNameservers(text).map(({ host, port }) => `${host} ${port}`),
    ['192.0.2.1 53', 'fd00::1 53', 'fe80::1%eth0 53', 'fe90::1%eth0 53', 'fd00::2 53'],
  )
})
