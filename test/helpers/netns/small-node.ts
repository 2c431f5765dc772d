import { execFileSync, spawnSync } from 'node:child_process'

import { findTool } from '../debian.ts'
import { type Owner, waitUntil } from '../processes.ts'
import { type Agent, startAgent } from './agent.ts'

/** The Service, and the address that kube-proxy knows nothing of. */
export const SERVICE = { ipv4: '10.96.0.10', ipv6: 'fd00:96::a' } as const
export const ORPHAN = { ipv4: '169.254.20.10', ipv6: 'fd00:169::a' } as const
export const KUBE_DNS: Readonly<Record<'ipv4' | 'ipv6', readonly string[]>> = {
  ipv4: ['10.244.0.2', '10.244.0.3'],
  ipv6: ['fd00:244::2', 'fd00:244::3'],
}

/** The interface towards the network outside. */
export const UPLINK = 'up0'

/**
 * A node with one pod, two kube-dns pods and a machine of the network outside, each a namespace with
 * an agent in it. The kube-dns pods answer `kube-dns-0` and `kube-dns-1`.
 */
export interface SmallNode {
  /** Plays dnslet. */
  readonly node: Agent
  /** A process of the node. */
  readonly host: Agent
  readonly pod: Agent
  readonly lan: Agent
  /** Runs a program in the node's namespace and returns what it says. */
  run(program: string, args: readonly string[], input?: string): string
  /** All addresses appear, or are gone with their interface, as when the process dies. */
  setLocal(on: boolean): void
}

/** Why there can be no small node here, or false. */
export function requireNode(...programs: string[]): string | false {
  if (process.getuid?.() !== 0) return 'needs root'
  const missing = ['ip', 'conntrack', ...programs].filter((tool) => findTool(tool) === null)
  if (missing.length > 0) return `needs ${missing.join(', ')}`
  // Root of a container may lack CAP_SYS_ADMIN.
  const allowed = spawnSync('unshare', ['--net', '--mount', 'true']).status === 0
  return allowed ? false : 'needs the right to make network namespaces'
}

let count = 0

/** Builds the node; its namespaces end with their owner. */
export async function startSmallNode(owner: Owner): Promise<SmallNode> {
  const prefix = `rules-${process.pid}-${count++}`
  const space = (name: string): string => `${prefix}-${name}`
  const names = ['node', 'pod', 'dns0', 'dns1', 'lan']
  const agents = new Map<string, Agent>()
  for (const name of names) {
    ip('netns', 'add', space(name))
    owner.after(() => ip('netns', 'del', space(name)))
    ip('-n', space(name), 'link', 'set', 'lo', 'up')
  }
  const node = space('node')
  for (const key of ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding']) {
    ip('netns', 'exec', node, 'sysctl', '-qw', `${key}=1`)
  }
  connect(node, 'pod0', space('pod'), '10.244.0.9', 'fd00:244::9')
  connect(node, 'dns0', space('dns0'), '10.244.0.2', 'fd00:244::2')
  connect(node, 'dns1', space('dns1'), '10.244.0.3', 'fd00:244::3')
  connect(node, UPLINK, space('lan'), '198.51.100.9', 'fd00:51::9')
  ip('-n', node, 'route', 'add', 'default', 'via', '198.51.100.9', 'dev', UPLINK, 'onlink')
  ip('-n', node, '-6', 'route', 'add', 'default', 'via', 'fd00:51::9', 'dev', UPLINK)
  for (const name of names) agents.set(name, startAgent(owner, space(name)))
  for (const i of [0, 1]) {
    const pods = [KUBE_DNS.ipv4[i], KUBE_DNS.ipv6[i]]
    await agents.get(`dns${i}`)!.call('serve', `kube-dns-${i}`, pods)
  }
  // The first neighbour solicitations wait until link-local addresses have been tried out.
  for (const name of ['pod', 'lan']) {
    for (const pod of [...KUBE_DNS.ipv4, ...KUBE_DNS.ipv6]) {
      const ask = (): Promise<string> => agents.get(name)!.ask('udp', pod, { timeoutMs: 200 })
      await waitUntil(`${name} to ${pod}`, async () => (await ask()).startsWith('kube-dns'))
    }
  }
  return {
    node: agents.get('node')!,
    host: startAgent(owner, node),
    pod: agents.get('pod')!,
    lan: agents.get('lan')!,
    run: (program, args, input = '') => runIn(node, program, args, input),
    setLocal: (on) => setLocal(node, on),
  }
}

/** A pair of interfaces; the far end gets the addresses and a default route through the node. */
function connect(node: string, name: string, far: string, v4: string, v6: string): void {
  const pair = ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', far]
  ip('-n', node, ...pair)
  const own = name === UPLINK ? ['198.51.100.1', 'fd00:51::1'] : ['10.244.0.1', 'fd00:244::1']
  ip('-n', node, 'addr', 'add', `${own[0]}/32`, 'dev', name)
  ip('-n', node, 'addr', 'add', `${own[1]}/128`, 'dev', name, 'nodad')
  ip('-n', far, 'addr', 'add', `${v4}/32`, 'dev', 'eth0')
  ip('-n', far, 'addr', 'add', `${v6}/128`, 'dev', 'eth0', 'nodad')
  ip('-n', node, 'link', 'set', name, 'up')
  ip('-n', far, 'link', 'set', 'eth0', 'up')
  ip('-n', node, 'route', 'add', `${v4}/32`, 'dev', name)
  ip('-n', node, '-6', 'route', 'add', `${v6}/128`, 'dev', name)
  ip('-n', far, 'route', 'add', `${own[0]}/32`, 'dev', 'eth0')
  ip('-n', far, '-6', 'route', 'add', `${own[1]}/128`, 'dev', 'eth0')
  ip('-n', far, 'route', 'add', 'default', 'via', own[0]!, 'dev', 'eth0')
  ip('-n', far, '-6', 'route', 'add', 'default', 'via', own[1]!, 'dev', 'eth0')
}

/** A bridge, since not every kernel has dummies: what counts is that its addresses are local. */
function setLocal(node: string, on: boolean): void {
  if (!on) return ip('-n', node, 'link', 'del', 'dns-if')
  ip('-n', node, 'link', 'add', 'dns-if', 'type', 'bridge')
  for (const address of [SERVICE.ipv4, ORPHAN.ipv4, SERVICE.ipv6, ORPHAN.ipv6]) {
    const v6 = address.includes(':')
    ip('-n', node, 'addr', 'add', address, 'dev', 'dns-if', ...(v6 ? ['nodad'] : []))
  }
  ip('-n', node, 'link', 'set', 'dns-if', 'up')
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

function runIn(space: string, program: string, args: readonly string[], input: string): string {
  return execFileSync('ip', ['netns', 'exec', space, program, ...args], {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}
