import { DnsletError } from '../../lib/errors.ts'
import type { ApiReply, KubernetesApi } from './kubernetes-api.ts'

interface Taint {
  readonly key: string
}

/** Of a Node object what matters here. */
interface Node {
  readonly metadata: { readonly resourceVersion: string }
  readonly spec: { readonly taints?: readonly Taint[] }
}

/** What became of an attempt: `conflict` where somebody else changed the node meanwhile. */
export type TaintOutcome = 'removed' | 'absent' | 'conflict'

const REMEDY: Readonly<Record<number, string>> = {
  401: 'the service account token is not accepted; is it mounted from the right account?',
  403: 'let the service account get and patch nodes (deploy/kustomize/untaint/rbac.yaml)',
  404: 'NODE_NAME has to be spec.nodeName of the pod',
}

/**
 * Takes all taints with this key off a node, one attempt. The list of taints is replaced as a whole, so
 * the patch names the version it was read at: the API server refuses it where the node has changed, and
 * nobody else's taint is lost.
 *
 * @throws DnsletError E_API_REFUSED with a remedy where trying again cannot help, E_API where it may
 */
export async function removeTaint(
  api: Pick<KubernetesApi, 'request'>,
  nodeName: string,
  key: string,
): Promise<TaintOutcome> {
  const path = `/api/v1/nodes/${encodeURIComponent(nodeName)}`
  const found = await api.request(path)
  const node = nodeOf(found)
  if (node === null) throw refusal('read', nodeName, found)
  const { metadata, spec } = node
  const taints = spec.taints ?? []
  const others = taints.filter((taint) => taint.key !== key)
  if (others.length === taints.length) return 'absent'
  const { resourceVersion } = metadata
  const reply = await api.request(path, {
    metadata: { resourceVersion },
    spec: { taints: others.length > 0 ? others : null },
  })
  if (reply.status === 409) return 'conflict'
  if (reply.status !== 200) throw refusal('change', nodeName, reply)
  return 'removed'
}

/** Null where it is none: a proxy may answer in place of the API server, or before that is ready. */
function nodeOf({ status, body }: ApiReply): Node | null {
  const { metadata, spec } = (body ?? {}) as Partial<Node>
  return status === 200 && metadata !== undefined && spec !== undefined ? { metadata, spec } : null
}

function refusal(verb: string, nodeName: string, { status, body }: ApiReply): DnsletError {
  const { message } = (body ?? {}) as { message?: string }
  const what = status === 200 ? 'the answer is no node' : `status ${status}`
  const reason = message === undefined ? what : `${message} (${status})`
  const remedy = REMEDY[status]
  return new DnsletError(
    remedy === undefined ? 'E_API' : 'E_API_REFUSED',
    `Cannot ${verb} node ${nodeName}: ${reason}${remedy === undefined ? '' : `; ${remedy}`}`,
  )
}
