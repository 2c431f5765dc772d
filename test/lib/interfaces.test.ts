import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { describe, test } from 'node:test'

import { listInterfaces } from '../../src/lib/interfaces.ts'

describe('listInterfaces()', () => {
  test('gives what the kernel lists', () => {
    assert.deepEqual(listInterfaces(), networkInterfaces())
  })

  test('is null where the kernel does not', () => {
    const list = (): never => {
      throw new Error('uv_interface_addresses returned EMFILE')
    }
    assert.equal(listInterfaces(list), null)
  })
})
