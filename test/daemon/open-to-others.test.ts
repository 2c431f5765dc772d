import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openToOthers, openToOthersLine } from '../../src/daemon/open-to-others.ts'

const block = (...http: readonly string[]): Parameters<typeof openToOthers>[0][number] => ({
  stages: [
    ...http.map((address) => ({ name: 'prometheus', stage: { http: address } })),
    { name: 'cache', stage: {} },
  ],
})

test('what other machines can reach is named once, with all who open it', () => {
  const blocks = [block(':9253', '127.0.0.1:1'), block(':9253', '10.0.0.9:80', 'fd00::1')]
  assert.deepEqual(openToOthers(blocks, [], ':9253'), [
    ':9253 (prometheus, -metrics-listen-address)',
    '10.0.0.9:80 (prometheus)',
  ])
  assert.deepEqual(openToOthers(blocks, ['10.0.0.9'], ':9353'), [
    ':9253 (prometheus)',
    ':9353 (-metrics-listen-address)',
  ])
})

test('loopback and link-local addresses stay on the node', () => {
  const blocks = [block('127.0.0.9:1', '[::1]:1', '169.254.20.10:1', '[fe80::1]:1', 'localhost:1')]
  assert.deepEqual(openToOthers(blocks, [], '127.0.0.1:9353'), [])
  assert.equal(openToOthersLine([]), null)
  assert.equal(
    openToOthersLine([':1 (health)']),
    'HTTP that more than this node can reach: :1 (health)',
  )
})
