import assert from 'node:assert/strict'
import type { NetworkInterfaceInfo } from 'node:os'
import { describe, test } from 'node:test'

import { localAddresses } from '../../src/net/local-addresses.ts'

const addresses = {
  lo: ['127.0.0.1', '::1'],
  eth0: ['10.0.0.5', '2001:db8::5', 'fe80::5'],
  eth1: ['10.0.0.5', 'fe80::5', 'febf::5'],
}
const interfaces = Object.fromEntries(
  Object.entries(addresses).map(([name, all]) => [
    name,
    all.map((address) => ({
      address,
      family: address.includes(':') ? 'IPv6' : 'IPv4',
    })) as NetworkInterfaceInfo[],
  ]),
)

describe('localAddresses()', () => {
  test('lists each address once, link-local ones with their interface', () => {
    assert.deepEqual(localAddresses(interfaces), [
      '127.0.0.1',
      '::1',
      '10.0.0.5',
      '2001:db8::5',
      'fe80::5%eth0',
      'fe80::5%eth1',
      'febf::5%eth1',
    ])
  })
})
