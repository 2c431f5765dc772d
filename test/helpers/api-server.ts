import { once } from 'node:events'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

import { makeChain } from './certificates.ts'
import { temporaryFolder } from './nsd.ts'
import type { Owner } from './processes.ts'

interface Taint {
  readonly key: string
  readonly effect: string
}

interface Node {
  metadata: { name: string; resourceVersion: string }
  spec: { taints?: readonly Taint[] | null; readonly providerID?: string }
}

/** An API server that knows one Node object, `worker-1`, and one token, over TLS. */
export interface ApiServer {
  node: Node
  /** Runs before each request is answered: returns a status to answer instead, or null. */
  before: (method: string) => number | null
  readonly requests: string[]
  /** What a pod has: the environment, and the folder with token and CA. */
  readonly env: NodeJS.ProcessEnv
  readonly mount: string
}

const TOKEN = 'a-service-account-token'

/** Starts it on a port of 127.0.0.1; its authority is one below another, which nobody knows. */
export async function startApiServer(owner: Owner): Promise<ApiServer> {
  const mount = temporaryFolder(owner)
  const chain = makeChain(owner)
  copyFileSync(chain.intermediate, join(mount, 'ca.crt'))
  writeFileSync(join(mount, 'token'), `${TOKEN}\n`)
  const server = createServer({ key: readFileSync(chain.key), cert: readFileSync(chain.cert) })
  const api: ApiServer = {
    node: { metadata: { name: 'worker-1', resourceVersion: '100' }, spec: {} },
    before: () => null,
    requests: [],
    env: {},
    mount,
  }
  server.on('request', (request, response) => void answer(api, request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  owner.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  api.env['KUBERNETES_SERVICE_HOST'] = '127.0.0.1'
  api.env['KUBERNETES_SERVICE_PORT'] = String(port)
  api.env['NODE_NAME'] = 'worker-1'
  return api
}

async function answer(
  api: ApiServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  const { method = '', url = '', headers } = request
  api.requests.push(`${method} ${url}`)
  const [status, body] = judge(api, { method, url, headers }, Buffer.concat(chunks).toString())
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function judge(
  api: ApiServer,
  { method, url, headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
  content: string,
): [status: number, body: unknown] {
  const failure = (code: number, message: string): [number, unknown] => [
    code,
    { kind: 'Status', code, message },
  ]
  const scripted = api.before(method ?? '')
  if (scripted !== null) return failure(scripted, `scripted ${scripted}`)
  if (headers.authorization !== `Bearer ${TOKEN}`) return failure(401, 'Unauthorized')
  if (url !== '/api/v1/nodes/worker-1') return failure(404, 'nodes not found')
  if (method === 'GET') return [200, api.node]
  if (method !== 'PATCH' || headers['content-type'] !== 'application/merge-patch+json') {
    return failure(415, 'unsupported media type')
  }
  const patch = JSON.parse(content) as Node
  const version = api.node.metadata.resourceVersion
  // As the real one: a patch that names another version is a conflict.
  if (patch.metadata.resourceVersion !== version) {
    return failure(409, 'the object has been modified')
  }
  api.node = change(api.node, patch.spec)
  return [200, api.node]
}

/** The node with these fields of its spec replaced (null removes one), and a new version. */
export function change(node: Node, spec: Node['spec']): Node {
  const merged = Object.entries({ ...node.spec, ...spec }).filter(([, value]) => value !== null)
  const resourceVersion = String(Number(node.metadata.resourceVersion) + 1)
  return { metadata: { ...node.metadata, resourceVersion }, spec: Object.fromEntries(merged) }
}
