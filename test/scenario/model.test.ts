// The model itself: what other scenarios take for granted about it.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'

import { addresses } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { NodeModel, type Place } from '../helpers/node-model/node-model.ts'
import { startProcess, waitUntil } from '../helpers/processes.ts'

describe('the model of a node', { skip: requireNodeModel() }, () => {
  for (const kubeProxy of ['iptables', 'iptables-legacy', 'nftables'] as const) {
    test(`kube-proxy's ${kubeProxy} rules lead pod and node to either pod`, async (t) => {
      const started = performance.now()
      const model = await NodeModel.create(t, { kubeProxy, families: 'dual', kubeDnsPods: 2 })
      t.diagnostic(`built in ${Math.round(performance.now() - started)} ms`)
      for (const place of ['pod', 'node'] as const) {
        for (const family of ['ipv4', 'ipv6'] as const) {
          for (const service of ['kubeDns', 'upstream'] as const) {
            for (const transport of ['+notcp', '+tcp']) {
              const who = await askMany(model, place, addresses[family][service], transport)
              const at = `${place} ${family} ${service} ${transport}`
              assert.deepEqual(who, new Set(['kube-dns-0', 'kube-dns-1']), at)
            }
          }
        }
      }
    })
  }

  test("the pod's C library finds Services by their short names, the node's finds the world", async (t) => {
    const model = await NodeModel.create(t)
    const service = await model.exec('pod', ['getent', 'ahostsv4', 'kubernetes.default'])
    assert.match(service.output, /^10\.96\.0\.1 /)
    const outside = await model.exec('node', ['getent', 'ahostsv4', 'www.example.com'])
    assert.match(outside.output, /^192\.0\.2\.1 /)
  })

  test('what a crashed process left behind is removed by the next model, and only that', async (t) => {
    // A process that has ended, and one that lives: this one's other models.
    const { pid: dead } = spawnSync('true')
    const stale = `model-${dead}-0-node`
    execFileSync('ip', ['netns', 'add', stale])
    const sleeping = startProcess(t, 'ip', ['netns', 'exec', stale, 'sleep', '60'])
    const other = await NodeModel.create(t)
    await waitUntil('the stale process to end', () => sleeping.ended() !== null)
    const listed = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })
    assert.doesNotMatch(listed, new RegExp(`^${stale}\\b`, 'm'))
    await NodeModel.create(t)
    assert.match((await other.whoAnswers('pod', addresses.ipv4.kubeDns)) ?? '', /^kube-dns-/)
  })

  test('close() leaves nothing', async (t) => {
    const own = (): string[] =>
      [...execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).matchAll(mine)].map(
        ([name]) => name,
      )
    const mine = new RegExp(`^model-${process.pid}-\\S+`, 'gm')
    const before = own()
    const model = await NodeModel.create(t)
    assert.equal(own().length, before.length + 5)
    await model.close()
    assert.deepEqual(own(), before)
    assert.ok(!existsSync(model.folder))
    assert.ok(model.kubeDns.every((nsd) => nsd.ended() !== null))
  })
})

/** Who answers ten questions, each from a port of its own; up to forty where it was one pod only. */
async function askMany(
  model: NodeModel,
  place: Place,
  server: string,
  transport: string,
): Promise<Set<string>> {
  const pods = new Set<string>()
  for (let round = 0; round < 4 && pods.size < 2; round++) {
    const ten = Array.from({ length: 10 }, () => 'who')
    for (const { pod } of await model.askWho(place, server, ten, transport)) pods.add(pod)
  }
  return pods
}
