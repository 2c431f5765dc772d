import assert from 'node:assert/strict'
import { test } from 'node:test'

import { endpointText, sourceFor } from '../../src/upstream/address.ts'

test('endpointText() puts IPv6 in brackets', () => {
  assert.equal(endpointText({ host: '192.0.2.1', port: 53 }), '192.0.2.1:53')
  assert.equal(endpointText({ host: 'fd00::1', port: 5353 }), '[fd00::1]:5353')
})

test('sourceFor() leaves the choice to the system where the family differs', () => {
  assert.equal(sourceFor('192.0.2.1', '192.0.2.9'), '192.0.2.9')
  assert.equal(sourceFor('fe80::1%eth0', 'fd00::9'), 'fd00::9')
  assert.equal(sourceFor('fd00::1', '192.0.2.9'), undefined)
  assert.equal(sourceFor('192.0.2.1', null), undefined)
})
