import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DataPlane } from '../../host/readings/data-plane.ts'
import type { LinkView } from '../../host/readings/links.ts'
import type { Place } from './facts.ts'

/** Links that a node has for its pods, and no pod has. */
const podLinks = /^(veth|cali|lxc|cni|kube-|azv|gke|eni[0-9a-f]{11}|ovn|antrea|flannel|tunl0)/
/** What dnslet and node-cache call theirs. */
const LOCAL_LINK = 'nodelocaldns'
const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount'

interface Signs {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly links: readonly LinkView[]
  readonly dataPlanes: readonly DataPlane[]
  /** dnslets in this network namespace. */
  readonly dnslets: number
  readonly seesKubelet: boolean
  /** The search list of resolv.conf. */
  readonly search: readonly string[]
  /** In place of `/`, for tests. */
  readonly root?: string
}

/**
 * Whether this is a node's network or a pod's. A pod with the node's network is on the node. Where nothing
 * tells, it is taken for a node: there is more to see.
 */
export function findPlace({
  env,
  links,
  dataPlanes,
  dnslets,
  seesKubelet,
  search,
  root = '/',
}: Signs): Place {
  const names = links.map(({ name }) => name)
  const pods = names.filter((name) => podLinks.test(name))
  const local = names.filter((name) => name.startsWith(LOCAL_LINK))
  const node = [
    ...(dnslets > 0 ? ['a dnslet in this network namespace'] : []),
    ...(pods.length > 0
      ? [`links of pods (${pods.slice(0, 3).join(', ')}${pods.length > 3 ? ', …' : ''})`]
      : []),
    ...local.map((name) => `link ${name}`),
    ...dataPlanes.map(({ name }) => name),
    ...(seesKubelet ? ['kubelet'] : []),
  ]
  const others = links.filter(({ name }) => name !== 'lo')
  const pod = [
    ...(others.length > 0 && others.every(({ kind }) => kind === 'veth')
      ? ['the links of a container']
      : []),
    ...(env['KUBERNETES_SERVICE_HOST'] === undefined ? [] : ['KUBERNETES_SERVICE_HOST']),
    ...(existsSync(join(root, TOKEN)) ? ['a service account'] : []),
    ...(search.some((domain) => domain.startsWith('svc.')) ? ['the search list of kubelet'] : []),
  ]
  const kind = node.length === 0 && pod.length > 0 ? 'pod' : 'node'
  const signs = [...node, ...pod]
  return { kind, signs: signs.length === 0 ? ['no sign of Kubernetes'] : signs }
}
