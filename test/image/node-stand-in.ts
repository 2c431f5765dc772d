import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { findTool } from '../helpers/debian.ts'
import { type Owner, startProcess, waitUntil } from '../helpers/processes.ts'
import { exec } from './exec.ts'

/** A network namespace in a node's place, and beside it one with a name server in kube-dns's. */
export interface NodeStandIn {
  readonly namespace: string
  /** What `dig +short` prints, asked from the node. */
  readonly dig: (...args: readonly string[]) => string
  /** The body of an HTTP answer, asked from the node. */
  readonly get: (url: string) => string
}

export const UPSTREAM = '10.96.7.7'
export const NODE_IP = '192.0.2.10'

const zone = `$ORIGIN cluster.local.
@ 30 IN SOA ns hostmaster 1 7200 1800 86400 5
@ 30 IN NS ns
ns 30 IN A ${UPSTREAM}
kubernetes.default.svc 30 IN A 10.96.0.1
`

/** @param addresses further ones, /32, on the loopback device */
export async function startNode(
  owner: Owner,
  folder: string,
  addresses: readonly string[],
): Promise<NodeStandIn> {
  const namespace = `deploy-image-${process.pid}`
  const cluster = `${namespace}-dns`
  for (const name of [namespace, cluster]) {
    exec('ip', ['netns', 'add', name])
    owner.after(() => void exec('ip', ['netns', 'delete', name]))
    exec('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
  }
  const peer = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', cluster]
  exec('ip', ['-n', namespace, 'link', 'add', 'eth0', ...peer])
  const give = (name: string, address: string, device: string): void => {
    exec('ip', ['-n', name, 'address', 'add', address, 'dev', device])
    exec('ip', ['-n', name, 'link', 'set', device, 'up'])
  }
  give(namespace, `${NODE_IP}/24`, 'eth0')
  give(cluster, '192.0.2.1/24', 'eth0')
  give(cluster, `${UPSTREAM}/32`, 'lo')
  for (const address of addresses) give(namespace, `${address}/32`, 'lo')
  exec('ip', ['-n', namespace, 'route', 'add', UPSTREAM, 'via', '192.0.2.1'])
  const inside = (...command: readonly string[]): string =>
    exec('ip', ['netns', 'exec', namespace, ...command])
  const node: NodeStandIn = {
    namespace,
    dig: (...args) => inside('dig', '+short', '+time=2', '+tries=1', ...args),
    get: (url) =>
      inside(process.execPath, '-e', `fetch('${url}').then((r) => r.text()).then(console.log)`),
  }
  const server = join(folder, 'nsd')
  mkdirSync(server)
  writeFileSync(join(server, 'zone'), zone)
  writeFileSync(join(server, 'nsd.conf'), nsdConfiguration(server))
  const nsd = [findTool('nsd') ?? 'nsd', '-d', '-c', join(server, 'nsd.conf')]
  const running = startProcess(owner, 'ip', ['netns', 'exec', cluster, ...nsd])
  const answers = (): boolean => isAnswered(() => node.dig(`@${UPSTREAM}`, 'ns.cluster.local'))
  await waitUntil('nsd', answers, running)
  return node
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
  ip-address: ${UPSTREAM}@53
  server-count: 1
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
