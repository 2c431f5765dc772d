import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatHttpAddress, parseHttpAddress } from '../../src/telemetry/http-address.ts'

const good = [
  ['127.0.0.1:9153', { host: '127.0.0.1', port: 9153 }],
  [':9253', { host: '', port: 9253 }],
  ['localhost:8080', { host: '127.0.0.1', port: 8080 }],
  ['[::1]:8080', { host: '::1', port: 8080 }],
  ['[fe80::1%eth0]:0', { host: 'fe80::1%eth0', port: 0 }],
] as const
for (const [address, parsed] of good) {
  test(`parseHttpAddress() reads ${address}`, () => {
    assert.deepEqual(parseHttpAddress(address), parsed)
    if (!address.startsWith('localhost')) {
      assert.equal(formatHttpAddress(parsed.host, parsed.port), address)
    }
  })
}

const bad = [
  ['8080', 'address 8080: missing port in address'],
  ['', 'address : missing port in address'],
  ['[::1]', 'address [::1]: missing port in address'],
  ['::1:53', 'address ::1:53: too many colons in address'],
  ['[::1:53', "address [::1:53: missing ']' in address"],
  ['a:', 'address a:: port must be a number from 0 to 65535'],
  ['a:http', 'address a:http: port must be a number from 0 to 65535'],
  ['a:65536', 'address a:65536: port must be a number from 0 to 65535'],
] as const
for (const [address, reason] of bad) {
  test(`parseHttpAddress() rejects "${address}"`, () => {
    assert.equal(parseHttpAddress(address), reason)
  })
}
