import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseArgs } from '../../src/options/options.ts'

test('cleanup takes the flags of the dnslet that was there', () => {
  assert.deepEqual(parseArgs(['cleanup', '-localip', '169.254.20.10,fd00::10', '-p=54']), {
    kind: 'cleanup',
    options: {
      addresses: ['169.254.20.10', 'fd00::10'],
      port: 54,
      interfaceName: 'nodelocaldns',
    },
  })
  const command = parseArgs(['cleanup', '-interfacename', 'mine'])
  assert.ok(command.kind === 'cleanup')
  assert.deepEqual(command.options, { addresses: [], port: 53, interfaceName: 'mine' })
})

test('what means nothing to it is refused', () => {
  assert.equal(parseArgs(['cleanup', 'everything']).kind, 'usage-error')
  assert.equal(parseArgs(['cleanup', '-localip', 'x']).kind, 'usage-error')
})
