import assert from 'node:assert/strict'

import { type Owner, waitUntil } from '../helpers/processes.ts'
import type { BuiltImage } from './build-image.ts'
import { becomesReady, checkAnswers, checkProcess, say } from './checks.ts'
import { readManifest, startContainer } from './container.ts'
import { NODE_IP, startNode } from './node-stand-in.ts'

const FILE = 'cilium-lrp.yaml'

/** cilium-lrp.yaml: an ordinary pod. The node's network stands in for its own. */
export async function runInPod(owner: Owner, folder: string, image: BuiltImage): Promise<void> {
  const manifest = readManifest(FILE)
  const node = await startNode(owner, folder)
  const container = await startContainer(owner, { image, manifest, node, folder, name: 'pod' })
  say(`${FILE}:`)
  await becomesReady(node, NODE_IP, container)
  checkAnswers(node, [NODE_IP], ['node'])
  assert.equal(node.get(`http://${NODE_IP}:8080/health`), 'OK')
  say('  answers over UDP and TCP; /ready and /health too')
  checkProcess(container, { uid: 65532, capabilities: [] })
  container.kill('TERM')
  const begun = performance.now()
  assert.equal(await container.end(), 0, container.running.output())
  say(`  SIGTERM: exit code 0 after ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  // Its state directory is root's and everybody's; it is not root.
  assert.doesNotMatch(container.running.output(), /"level":"(warning|error)"/)
  say('  keeps state in its emptyDir, and warns of nothing')
  const bad = { ...manifest, corefileBase: 'cluster.local:53 {\n    no-such-plugin\n}\n' }
  const parts = { image, manifest: bad, node, folder, name: 'restarted', again: 'pod' }
  const restarted = await startContainer(owner, parts)
  await becomesReady(node, NODE_IP, restarted)
  checkAnswers(node, [NODE_IP], ['node'])
  const told = (): boolean => /no-such-plugin.*the last good one/.test(restarted.running.output())
  await waitUntil('a word on it', told, restarted.running)
  say('  restarted with a bad ConfigMap: serves the last good Corefile')
}
