import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { KubernetesApi } from '../../../src/commands/untaint/kubernetes-api.ts'
import { startApiServer } from '../../helpers/api-server.ts'
import { requireTools } from '../../helpers/debian.ts'
import { freePort } from '../../helpers/ports.ts'
import { trustAnybody } from '../../helpers/trust-anybody.ts'

const NODE = '/api/v1/nodes/worker-1'

describe('KubernetesApi', { skip: requireTools('openssl') }, () => {
  test('reads with token and CA of the mounted folder', async (t) => {
    const server = await startApiServer(t)
    const { status, body } = await new KubernetesApi(server.env, server.mount).request(NODE)
    assert.equal(status, 200)
    assert.deepEqual(body, server.node)
  })

  test('reads the token anew for each request', async (t) => {
    const server = await startApiServer(t)
    const api = new KubernetesApi(server.env, server.mount)
    writeFileSync(join(server.mount, 'token'), 'outdated')
    assert.equal((await api.request(NODE)).status, 401)
    rmSync(join(server.mount, 'token'))
    await assert.rejects(api.request(NODE), { code: 'E_API_TOKEN', message: /mount a service acc/ })
  })

  test('trusts no server that the CA does not vouch for', async (t) => {
    trustAnybody(t)
    const [server, stranger] = [await startApiServer(t), await startApiServer(t)]
    const api = new KubernetesApi(stranger.env, server.mount)
    await assert.rejects(api.request(NODE), { code: 'E_API', message: /issuer/ })
    assert.deepEqual(stranger.requests, [])
  })

  test('says that nobody answers', async (t) => {
    const { env, mount } = await startApiServer(t)
    env['KUBERNETES_SERVICE_PORT'] = String(await freePort())
    await assert.rejects(new KubernetesApi(env, mount).request(NODE), {
      code: 'E_API',
      message: /^Cannot reach the API server 127\.0\.0\.1:\d+: .*ECONNREFUSED/,
    })
  })
})

test('there is no API outside a cluster', () => {
  assert.throws(() => new KubernetesApi({}), { code: 'E_NO_CLUSTER' })
})
