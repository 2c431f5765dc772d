// More name servers for a stub domain than `forward` takes, on a node that never had a valid ConfigMap.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { waitUntil } from '../helpers/processes.ts'
import { templateNode } from './template-node.ts'

function stubDomains(servers: number): string {
  const list = Array.from({ length: servers }, (_, i) => `127.0.0.${i + 2}:9`)
  return JSON.stringify({ 'acme.test': list })
}

test('16 servers of a stub domain cost that ConfigMap alone, 15 are served', async (t) => {
  const node = await templateNode(t)
  node.mount({ stubDomains: stubDomains(16) })
  const daemon = await node.serve()
  assert.match(
    daemon.output(),
    /\[ERROR\] Invalid config: .*stubDomains: more than 15 nameservers for "acme\.test": 16; serving without stub domains/,
  )
  assert.doesNotMatch(readFileSync(node.conf, 'utf8'), /acme/)

  node.mount({ stubDomains: stubDomains(15) })
  const isServed = (): boolean => readFileSync(node.conf, 'utf8').includes('acme.test')
  await waitUntil('the repaired ConfigMap', isServed, daemon)

  node.mount({ stubDomains: stubDomains(16) })
  await waitUntil(
    'the refusal',
    () => /what was valid before stays in force/.test(daemon.output()),
    daemon,
  )
  assert.match(readFileSync(node.conf, 'utf8'), /acme\.test/)
  assert.equal(daemon.ended(), null)
})
