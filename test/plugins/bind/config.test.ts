import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BindConfig, readConfig } from '../../../src/plugins/bind/config.ts'
import { directivesOf } from '../../helpers/directives.ts'

const interfaces: Readonly<Record<string, readonly string[]>> = {
  lo: ['127.0.0.1', '::1'],
  eth0: ['10.0.0.5', 'fd00::5', 'fe80::1%eth0'],
  down0: [],
  '10.9.9.9': ['10.1.1.1'],
}

function read(body: string): BindConfig {
  return readConfig(directivesOf('bind', body), {
    addresses: (name) => interfaces[name] ?? null,
  })
}

function refused(body: string, message: string): void {
  assert.throws(() => read(body), { code: 'E_COREFILE_PLUGIN', message })
}

test('addresses are kept as they are written, in order', () => {
  assert.deepEqual(read('bind 169.254.20.10 fd00::a').addresses, ['169.254.20.10', 'fd00::a'])
})

test('an interface stands for its addresses of both families, link-local ones with their zone', () => {
  assert.deepEqual(read('bind eth0').addresses, ['10.0.0.5', 'fd00::5', 'fe80::1%eth0'])
})

test('an interface wins over the address that its name looks like', () => {
  assert.deepEqual(read('bind 10.9.9.9').addresses, ['10.1.1.1'])
})

test('several directives add up, and no address comes twice', () => {
  assert.deepEqual(read('bind lo\nbind 10.0.0.5 127.0.0.1').addresses, [
    '127.0.0.1',
    '::1',
    '10.0.0.5',
  ])
})

test('except filters its own directive alone, by address or interface', () => {
  assert.deepEqual(read('bind lo eth0 {\nexcept ::1 eth0\n}\nbind ::1').addresses, [
    '127.0.0.1',
    '::1',
  ])
  assert.deepEqual(read('bind lo {\nexcept ::1\nexcept 10.0.0.5\n}').addresses, ['127.0.0.1'])
})

test('except compares text', () => {
  assert.deepEqual(read('bind lo {\nexcept 0:0:0:0:0:0:0:1\n}').addresses, ['127.0.0.1', '::1'])
})

test('an interface without address contributes nothing and is named', () => {
  assert.deepEqual(read('bind down0 lo'), { addresses: ['127.0.0.1', '::1'], silent: ['down0'] })
  assert.deepEqual(read('bind lo').silent, [])
})

test('a block may be left without any address', () => {
  assert.deepEqual(read('bind lo {\nexcept lo\n}'), { addresses: [], silent: [] })
  assert.deepEqual(read('bind down0'), { addresses: [], silent: ['down0'] })
})

test('errors are those of CoreDNS, with file and line', () => {
  const prefix = 'plugin/bind: '
  refused('bind', `Corefile:2 - ${prefix}at least one address or interface name is expected`)
  refused(
    'bind lo {\nexcept\n}',
    `Corefile:3 - ${prefix}at least one address or interface must be given to except subdirective`,
  )
  refused('bind lo {\nonly ::1\n}', `Corefile:3 - ${prefix}invalid option "only"`)
  refused(
    'bind 10.0.0.256',
    `Corefile:2 - ${prefix}not a valid IP address or interface name: "10.0.0.256"`,
  )
  refused('bind ""', `Corefile:2 - ${prefix}not a valid IP address or interface name: ""`)
  refused(
    'bind lo {\nexcept 127.0.0.1 eth9\n}',
    `Corefile:3 - ${prefix}not a valid IP address or interface name: "eth9"`,
  )
})
