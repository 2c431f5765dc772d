import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { findTool } from '../helpers/debian.ts'
import type { Cluster } from '../helpers/node-model/addresses.ts'
import { kubeProxyLoads } from '../helpers/node-model/kube-proxy.ts'
import { type Owner, startProcess, waitUntil } from '../helpers/processes.ts'
import { exec } from './exec.ts'

/** Network namespaces: a node with kube-proxy's rules, a pod on it, and elsewhere a pod of kube-dns. */
export interface NodeStandIn {
  readonly namespace: string
  /** Runs a program in the node's network. */
  readonly run: (...command: readonly string[]) => string
  /** What `dig +short` prints, asked from the node or from its pod. */
  readonly dig: (from: 'node' | 'pod', ...args: readonly string[]) => string
  /** The body of an HTTP answer, asked from the node. */
  readonly get: (url: string) => string
}

export const NODE_IP = '192.0.2.10'
export const KUBE_DNS = '10.96.0.10'
export const UPSTREAM = '10.96.7.7'
const KUBE_DNS_POD = '10.244.9.2'
const POD_GATEWAY = '10.244.0.1'

const cluster: Cluster = {
  family: 'ipv4',
  services: [
    { name: 'kube-dns', address: KUBE_DNS },
    { name: 'kube-dns-upstream', address: UPSTREAM },
  ],
  serviceRange: '10.96.0.0/16',
  podRange: '10.244.0.0/16',
  endpoints: [KUBE_DNS_POD],
}

/** The names that `load.ts` asks for are in it. */
const zone = `$ORIGIN cluster.local.
@ 30 IN SOA ns hostmaster 1 7200 1800 86400 5
@ 30 IN NS ns
ns 30 IN A ${KUBE_DNS_POD}
kubernetes.default.svc 30 IN A 10.96.0.1
kube-dns-pods.kube-system.svc 30 IN A ${KUBE_DNS_POD}
*.load.svc 30 IN A 10.96.0.2
`

export async function startNode(owner: Owner, folder: string): Promise<NodeStandIn> {
  const namespace = `deploy-image-${process.pid}`
  const [dns, pod] = [`${namespace}-dns`, `${namespace}-pod`]
  for (const name of [namespace, dns, pod]) {
    exec('ip', ['netns', 'add', name])
    owner.after(() => void exec('ip', ['netns', 'delete', name]))
    exec('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
  }
  connect(namespace, 'eth0', `${NODE_IP}/24`, dns, '192.0.2.1/24')
  connect(namespace, 'pod0', `${POD_GATEWAY}/24`, pod, '10.244.0.9/24')
  exec('ip', ['-n', dns, 'address', 'add', `${KUBE_DNS_POD}/32`, 'dev', 'lo'])
  for (const [name, via] of [
    [namespace, '192.0.2.1'],
    [dns, NODE_IP],
    [pod, POD_GATEWAY],
  ] as const) {
    exec('ip', ['-n', name, 'route', 'add', 'default', 'via', via])
  }
  const runIn = (name: string, command: readonly string[], input = ''): string =>
    exec('ip', ['netns', 'exec', name, ...command], { input })
  runIn(namespace, ['sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward'])
  for (const { argv, input } of kubeProxyLoads('nftables', [cluster])) {
    runIn(namespace, argv, input)
  }
  const node: NodeStandIn = {
    namespace,
    run: (...command) => runIn(namespace, command),
    dig: (from, ...args) =>
      runIn(from === 'node' ? namespace : pod, ['dig', '+short', '+time=2', '+tries=1', ...args]),
    get: (url) =>
      runIn(namespace, [
        process.execPath,
        '-e',
        `fetch('${url}').then(async (r) =>
        process.stdout.write(await r.text()))`,
      ]),
  }
  await startKubeDns(owner, folder, dns, node)
  return node
}

function connect(near: string, device: string, at: string, far: string, farAt: string): void {
  const peer = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', far]
  exec('ip', ['-n', near, 'link', 'add', device, ...peer])
  for (const [name, link, address] of [
    [near, device, at],
    [far, 'eth0', farAt],
  ] as const) {
    exec('ip', ['-n', name, 'address', 'add', address, 'dev', link])
    exec('ip', ['-n', name, 'link', 'set', link, 'up'])
  }
}

async function startKubeDns(
  owner: Owner,
  folder: string,
  namespace: string,
  node: NodeStandIn,
): Promise<void> {
  const server = join(folder, 'nsd')
  mkdirSync(server)
  writeFileSync(join(server, 'zone'), zone)
  writeFileSync(join(server, 'nsd.conf'), nsdConfiguration(server))
  const nsd = [findTool('nsd') ?? 'nsd', '-d', '-c', join(server, 'nsd.conf')]
  const running = startProcess(owner, 'ip', ['netns', 'exec', namespace, ...nsd])
  const answers = (): boolean =>
    isAnswered(() => node.dig('pod', `@${KUBE_DNS}`, 'ns.cluster.local'))
  await waitUntil('nsd', answers, running)
}

/** Whether `ask` returns an answer. */
export function isAnswered(ask: () => string): boolean {
  try {
    return !['', ';;'].includes(ask().slice(0, 2))
  } catch {
    // dig ends with 9 where nobody answers.
    return false
  }
}

function nsdConfiguration(folder: string): string {
  return `server:
  ip-address: ${KUBE_DNS_POD}@53
  server-count: 1
  tcp-count: 200
  username: ""
  chroot: ""
  zonesdir: "${folder}"
  database: ""
  pidfile: ""
  xfrdfile: ""
  xfrdir: "${folder}"
  zonelistfile: "${folder}/zones.list"
remote-control:
  control-enable: no
zone:
  name: "cluster.local."
  zonefile: "zone"
`
}
