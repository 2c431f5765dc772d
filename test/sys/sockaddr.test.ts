import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'

import { libc } from '../../src/sys/libc.ts'
import {
  clientSockaddr,
  scopedAddress,
  sockaddrSize,
  writeSockaddr,
} from '../../src/sys/sockaddr.ts'

const { libc: system } = libc()
const ADDRESSES = [
  '10.1.2.3',
  '255.255.255.255',
  '::',
  '::1',
  '1::',
  '::192.0.2.7',
  '2001:db8::ff:0:7',
  '1:2:3:4:5:6:7:abcd',
]
const [device] = Object.entries(networkInterfaces()).find(([, own]) =>
  own?.some(({ scopeid = 0 }) => scopeid > 0),
) ?? [null]

test(
  'clientSockaddr() writes what the C library would, and scopedAddress() reads it',
  { skip: system === null },
  () => {
    const scoped = device === null ? [] : [`fe80::1%${device}`]
    for (const address of [...ADDRESSES, ...scoped]) {
      const ipv6 = address.includes(':')
      const expected = Buffer.alloc(28)
      assert.ok(writeSockaddr(system!, expected, ipv6, address, 0xfedc))
      const name = clientSockaddr(address, 0xfedc)
      assert.deepEqual(name, expected, address)
      const again = Buffer.alloc(sockaddrSize(ipv6))
      assert.ok(writeSockaddr(system!, again, ipv6, scopedAddress(name), 0xfedc))
      assert.deepEqual(again, expected.subarray(0, again.length), address)
    }
  },
)
