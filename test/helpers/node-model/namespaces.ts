import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type Family, addresses } from './addresses.ts'

/** Where `ip netns exec` finds a namespace's own /etc/resolv.conf. */
const ETC = '/etc/netns'

/** Namespaces of living models, removed should this process end without closing them. */
const open = new Set<Namespaces>()
process.on('exit', () => {
  for (const namespaces of open) namespaces.remove()
})

let count = 0

export interface Layout {
  readonly families: readonly Family[]
  readonly kubeDnsPods: number
}

/**
 * The namespaces of one model and the links between them:
 *
 *     pod ───────┐                          each pod: /32, default route to a gateway on its link,
 *     kube-dns-0 ┼── node ── lan            as the ptp plugin of CNI builds it
 *     kube-dns-1 ┘
 *
 * Their names carry this process's id: two processes do not meet, and who comes later can tell
 * which ones a crashed process left.
 */
export class Namespaces {
  readonly #prefix: string
  readonly #places: readonly string[]

  constructor(layout: Layout) {
    removeStale()
    this.#prefix = `model-${process.pid}-${count++}-`
    const pods = ['pod', ...kubeDnsNames(layout.kubeDnsPods)]
    this.#places = ['node', 'lan', ...pods]
    open.add(this)
    this.#add()
    this.#connect(layout, pods)
    this.#configureResolvers()
  }

  /** A place's namespace, as `ip netns` calls it. */
  nameOf(place: string): string {
    return this.#prefix + place
  }

  /** Removes the namespaces and all devices in them; may be called twice. */
  remove(): void {
    if (!open.delete(this)) return
    for (const place of this.#places) removeNamespace(this.nameOf(place))
    removeIfEmpty(ETC)
  }

  #add(): void {
    ip(
      [],
      this.#places.map((place) => `netns add ${this.nameOf(place)}`),
    )
    for (const place of this.#places) {
      const forward = place === 'node' ? [...FORWARD] : []
      sysctl(this.nameOf(place), [...NO_DAD, ...MANY_PORTS, ...forward])
    }
  }

  #connect({ families, kubeDnsPods }: Layout, pods: readonly string[]): void {
    const node = this.nameOf('node')
    const veth = (inside: string, place: string, onNode: string): string =>
      `link add ${inside} netns ${this.nameOf(place)} type veth peer name ${onNode} netns ${node}`
    ip([], [veth('eth0', 'lan', 'eth0'), ...pods.map((pod) => veth('eth0', pod, `veth-${pod}`))])
    const podAddress = (family: Family, pod: number): string =>
      pod === 0 ? addresses[family].pod : addresses[family].kubeDnsPod(pod - 1)
    ip(
      ['-n', node],
      [
        'link set lo up',
        ...pods.map((pod) => `link set veth-${pod} up`),
        ...families.flatMap((family) => [
          ...lanLines(family, addresses[family].node),
          `route add default via ${addresses[family].lan} dev eth0`,
          ...pods.flatMap((pod, index) => [
            `addr add ${host(family, addresses[family].gateway)} dev veth-${pod}${nodad(family)}`,
            `route add ${host(family, podAddress(family, index))} dev veth-${pod}`,
          ]),
        ]),
      ],
    )
    ip(
      ['-n', this.nameOf('lan')],
      [
        'link set lo up',
        ...families.flatMap((family) => [
          ...lanLines(family, addresses[family].lan),
          `route add ${addresses[family].pods} via ${addresses[family].node}`,
        ]),
      ],
    )
    for (const [index, pod] of pods.slice(0, kubeDnsPods + 1).entries()) {
      ip(
        ['-n', this.nameOf(pod)],
        [
          'link set lo up',
          'link set eth0 up',
          ...families.flatMap((family) => [
            `addr add ${host(family, podAddress(family, index))} dev eth0${nodad(family)}`,
            `route add ${host(family, addresses[family].gateway)} dev eth0`,
            `route add default via ${addresses[family].gateway} dev eth0`,
          ]),
        ],
      )
    }
  }

  /** The node asks the name server of its LAN; pods ask kube-dns, as kubelet tells them to. */
  #configureResolvers(): void {
    for (const place of this.#places) {
      const folder = join(ETC, this.nameOf(place))
      mkdirSync(folder, { recursive: true })
      const text =
        place === 'pod'
          ? `search default.svc.cluster.local svc.cluster.local cluster.local
nameserver ${addresses.ipv4.kubeDns}
options ndots:5
`
          : `nameserver ${addresses.ipv4.lan}\n`
      writeFileSync(join(folder, 'resolv.conf'), text)
    }
  }
}

/** `kube-dns-0`, `kube-dns-1`, … */
export function kubeDnsNames(pods: number): string[] {
  return Array.from({ length: pods }, (_, index) => `kube-dns-${index}`)
}

/** Duplicate address detection would hold IPv6 back for a second. */
const NO_DAD = ['net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0']
/** Probes that open thousands of sockets a second must not run out of ports. */
const MANY_PORTS = ['net.ipv4.ip_local_port_range=1024 65535', 'net.ipv4.tcp_tw_reuse=1']
const FORWARD = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']

function sysctl(namespace: string, settings: readonly string[]): void {
  run(['netns', 'exec', namespace, 'sysctl', '-qw', ...settings])
}

function lanLines(family: Family, address: string): string[] {
  const { lanBits } = addresses[family]
  return [`link set eth0 up`, `addr add ${address}/${lanBits} dev eth0${nodad(family)}`]
}

function host(family: Family, address: string): string {
  return `${address}/${addresses[family].podBits}`
}

function nodad(family: Family): string {
  return family === 'ipv6' ? ' nodad' : ''
}

/** Models of processes that are gone: they crashed, or were killed. */
function removeStale(): void {
  for (const line of run(['netns', 'list']).split('\n')) {
    const [name = ''] = line.split(' ')
    const pid = /^model-(\d+)-/.exec(name)?.[1]
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue
    // Another process may be removing it at this very moment.
    ignoreErrors(() => {
      for (const inside of run(['netns', 'pids', name]).split('\n')) {
        if (inside !== '') process.kill(Number(inside), 'SIGKILL')
      }
    })
    removeNamespace(name)
  }
}

function removeNamespace(name: string): void {
  ignoreErrors(() => run(['netns', 'del', name]))
  rmSync(join(ETC, name), { recursive: true, force: true })
}

function removeIfEmpty(folder: string): void {
  ignoreErrors(() => {
    if (readdirSync(folder).length === 0) rmdirSync(folder)
  })
}

function ignoreErrors(action: () => void): void {
  try {
    action()
  } catch {
    // What was to be removed is gone already.
  }
}

function ip(options: readonly string[], lines: readonly string[]): void {
  run([...options, '-batch', '-'], lines.join('\n'))
}

/** Runs `ip`; its output. Throws with what it printed. */
function run(args: readonly string[], input = ''): string {
  return execFileSync('ip', args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
}
