import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { DnsletError, reasonOf } from '../../lib/errors.ts'

/** Where kubelet mounts what a pod needs to talk to the API. */
const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
const TIMEOUT_MS = 10_000
/** An object has at most 1.5 MiB in etcd. */
const MAX_BODY = 4 * 1024 * 1024

export interface ApiReply {
  readonly status: number
  /** The JSON of the body, null where it is none. */
  readonly body: unknown
}

/** The API server as a pod sees it: address from the environment, token and CA from files. */
export class KubernetesApi {
  readonly #host: string
  readonly #port: string
  readonly #mount: string

  /**
   * @param env KUBERNETES_SERVICE_HOST and _PORT, which every container has
   * @throws DnsletError E_NO_CLUSTER outside a cluster
   */
  constructor(env: NodeJS.ProcessEnv, mount: string = MOUNT) {
    this.#host = env['KUBERNETES_SERVICE_HOST'] ?? ''
    this.#port = env['KUBERNETES_SERVICE_PORT'] ?? '443'
    this.#mount = mount
    if (this.#host !== '') return
    throw new DnsletError(
      'E_NO_CLUSTER',
      'Cannot find the API server: KUBERNETES_SERVICE_HOST is not set; run this in a pod',
    )
  }

  /**
   * One request. Rejects with DnsletError E_API_TOKEN where token or CA cannot be read, E_API where
   * there is no answer within ten seconds.
   *
   * @param patch a JSON merge patch (RFC 7396) to apply; without it the object is read
   */
  async request(path: string, patch?: object): Promise<ApiReply> {
    const content = patch === undefined ? '' : JSON.stringify(patch)
    const headers: Record<string, string> = {
      // Read each time: kubelet replaces tokens before they expire.
      authorization: `Bearer ${this.#read('token').trim()}`,
      accept: 'application/json',
    }
    if (patch !== undefined) headers['content-type'] = 'application/merge-patch+json'
    const reply = await this.#send(path, patch === undefined ? 'GET' : 'PATCH', headers, content)
    return { status: reply.status, body: parseJson(reply.text) }
  }

  #read(name: string): string {
    const file = join(this.#mount, name)
    try {
      return readFileSync(file, 'utf8')
    } catch (cause) {
      throw new DnsletError(
        'E_API_TOKEN',
        `Cannot read ${file}: ${reasonOf(cause)}; mount a service account token there`,
        { cause },
      )
    }
  }

  #send(
    path: string,
    method: string,
    headers: Record<string, string>,
    content: string,
  ): Promise<{ status: number; text: string }> {
    // As node:http: an import of it also loads undici.
    const { request } = process.getBuiltinModule('node:https')
    const options = { host: this.#host, port: this.#port, path, method, headers, agent: false }
    // It may be an authority below another one, or the server itself: as with Go, it is trusted.
    const trust = { ca: this.#read('ca.crt'), allowPartialTrustChain: true }
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void =>
        reject(
          new DnsletError(
            'E_API',
            `Cannot reach the API server ${this.#host}:${this.#port}: ${reasonOf(cause)}`,
            { cause },
          ),
        )
      const signal = AbortSignal.timeout(TIMEOUT_MS)
      // Whatever the environment tells Node: the token is for this server alone.
      const call = request(
        { ...options, ...trust, signal, rejectUnauthorized: true },
        (response) => {
          readAll(response).then(
            (text) => resolve({ status: response.statusCode ?? 0, text }),
            (error: unknown) => fail(error),
          )
        },
      )
      call.on('error', fail)
      call.end(content)
    })
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY) throw new Error(`the answer is longer than ${MAX_BODY} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A proxy in between may answer with a page.
    return null
  }
}
