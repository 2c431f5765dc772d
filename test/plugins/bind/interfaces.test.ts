import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { systemInterfaces } from '../../../src/plugins/bind/interfaces.ts'

test('the loopback interface has the loopback address', () => {
  assert.equal(systemInterfaces.addresses('lo')?.includes('127.0.0.1'), true)
})

test('every address can be bound: link-local ones, and only they, name their interface', () => {
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    const found = systemInterfaces.addresses(name)
    assert.equal(found?.length, addresses.length)
    addresses.forEach(({ address, scopeid = 0 }, i) => {
      assert.equal(found[i], scopeid === 0 ? address : `${address}%${name}`)
    })
  }
})

test('what is no interface has no addresses', () => {
  for (const name of ['nosuch0', '', '.', '..', '../net', '127.0.0.1', 'constructor']) {
    assert.equal(systemInterfaces.addresses(name), null, name)
  }
})
