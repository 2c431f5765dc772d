import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { KubernetesApi } from '../../../src/commands/untaint/kubernetes-api.ts'
import { removeTaint } from '../../../src/commands/untaint/remove-taint.ts'
import { change, startApiServer } from '../../helpers/api-server.ts'
import { requireTools } from '../../helpers/debian.ts'

const ours = { key: 'example.com/dns', effect: 'NoSchedule' }
const theirs = { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' }

describe('removeTaint()', { skip: requireTools('openssl') }, () => {
  test('leaves other taints and the rest of the node alone', async (t) => {
    const server = await startApiServer(t)
    const both = [ours, { ...ours, effect: 'NoExecute' }]
    server.node = change(server.node, { taints: [theirs, ...both], providerID: 'x' })
    const api = new KubernetesApi(server.env, server.mount)
    assert.equal(await removeTaint(api, 'worker-1', ours.key), 'removed')
    assert.deepEqual(server.node.spec, { taints: [theirs], providerID: 'x' })
  })

  test('leaves no empty list', async (t) => {
    const server = await startApiServer(t)
    server.node = change(server.node, { taints: [ours] })
    const api = new KubernetesApi(server.env, server.mount)
    assert.equal(await removeTaint(api, 'worker-1', ours.key), 'removed')
    assert.deepEqual(server.node.spec, {})
  })

  test('changes nothing where the taint is absent', async (t) => {
    const server = await startApiServer(t)
    const api = new KubernetesApi(server.env, server.mount)
    assert.equal(await removeTaint(api, 'worker-1', ours.key), 'absent')
    assert.deepEqual(server.requests, ['GET /api/v1/nodes/worker-1'])
  })

  test('does not overwrite a change made between reading and writing', async (t) => {
    const server = await startApiServer(t)
    server.node = change(server.node, { taints: [ours] })
    server.before = (method) => {
      if (method === 'PATCH') server.node = change(server.node, { taints: [ours, theirs] })
      return null
    }
    const api = new KubernetesApi(server.env, server.mount)
    assert.equal(await removeTaint(api, 'worker-1', ours.key), 'conflict')
    assert.deepEqual(server.node.spec.taints, [ours, theirs])
  })

  test('says what to do where trying again cannot help', async (t) => {
    const server = await startApiServer(t)
    server.node = change(server.node, { taints: [ours] })
    const api = new KubernetesApi(server.env, server.mount)
    const refused = (message: RegExp): object => ({ code: 'E_API_REFUSED', message })
    const remove = (node = 'worker-1'): Promise<unknown> => removeTaint(api, node, ours.key)
    await assert.rejects(
      remove('worker-2'),
      refused(/^Cannot read node worker-2: nodes not found \(404\); NODE_NAME/),
    )
    server.before = (method) => (method === 'PATCH' ? 403 : null)
    await assert.rejects(remove(), refused(/^Cannot change node worker-1: .*rbac\.yaml/))
    server.before = () => 500
    await assert.rejects(remove(), { code: 'E_API', message: /scripted 500 \(500\)$/ })
  })
})

test('what is no node may be one at the next attempt', async () => {
  for (const body of [null, 'a page', { spec: {} }, { metadata: { resourceVersion: '1' } }]) {
    const api: Pick<KubernetesApi, 'request'> = {
      request: () => Promise.resolve({ status: 200, body }),
    }
    await assert.rejects(removeTaint(api, 'worker-1', ours.key), {
      code: 'E_API',
      message: 'Cannot read node worker-1: the answer is no node',
    })
  }
})
