import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DoctorOptions, doctorOptions } from '../../src/options/doctor-options.ts'
import { UsageError } from '../../src/options/usage-error.ts'

function read(...argv: string[]): DoctorOptions {
  const options = doctorOptions(argv)
  assert.ok(typeof options !== 'string')
  return options
}

function refusal(...argv: string[]): string {
  let said = ''
  assert.throws(
    () => doctorOptions(argv),
    (error) => {
      said = (error as Error).message
      return error instanceof UsageError
    },
  )
  return said
}

test('without flags everything is looked for', () => {
  assert.deepEqual(read(), {
    json: false,
    socket: '',
    addresses: [],
    upstream: null,
    name: null,
    quick: false,
  })
})

test('addresses and names are brought into one form', () => {
  const { addresses, name, upstream } = read(
    '-localip=169.254.20.10, FD00:0::A',
    '-name=Kubernetes.Default',
    '-upstream=[fd00::b]',
  )
  assert.deepEqual(addresses, ['169.254.20.10', 'fd00::a'])
  assert.equal(name, 'kubernetes.default.')
  assert.deepEqual(upstream, { host: 'fd00::b', port: 53 })
})

test('what is no address, or no name, is refused', () => {
  assert.match(refusal('-localip=10.0.0.300'), /"10.0.0.300" in -localip is no IP address/)
  assert.match(refusal('-localip=fe80::1%eth0'), /"fe80::1%eth0" in -localip is no IP address/)
  assert.match(refusal('-name=a..b'), /"a\.\.b" is no domain name/)
  assert.match(refusal('-upstream=dns.example'), /is no ADDRESS\[:PORT\]/)
})
