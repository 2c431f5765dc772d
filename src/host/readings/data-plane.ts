import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { LinkView } from './links.ts'

/** Who else decides where packets of this node's pods go. */
export interface DataPlane {
  /** `Cilium`, `Calico`, … */
  readonly name: string
  /** What it was told by: links, files. */
  readonly signs: readonly string[]
  /**
   * Whether it can answer for Services in eBPF or a switch of its own, before any packet filter sees the
   * packet. Where that is a setting, what is seen here does not tell whether it is on.
   */
  readonly mayBypassRules: boolean
}

interface Known {
  readonly name: string
  /** Of links. */
  readonly links: RegExp
  readonly files: readonly string[]
  readonly mayBypassRules: boolean
}

const known: readonly Known[] = [
  {
    name: 'Cilium',
    links: /^(cilium_(host|net|vxlan|geneve|wg0)|lxc([0-9a-f]{12}|_health))$/,
    files: [
      '/sys/fs/bpf/tc/globals/cilium_lb4_services_v2',
      '/sys/fs/bpf/cilium',
      '/run/cilium/cilium.pid',
    ],
    mayBypassRules: true,
  },
  {
    name: 'Calico with eBPF',
    links: /^bpf(in|out)\.cali$/,
    files: ['/sys/fs/bpf/tc/globals/cali_v4_nat_fe', '/sys/fs/bpf/calico'],
    mayBypassRules: true,
  },
  {
    name: 'Calico',
    links: /^(cali[0-9a-f]{11}|vxlan\.calico|wireguard\.cali)$/,
    files: [],
    mayBypassRules: false,
  },
  {
    name: 'OVN-Kubernetes',
    links: /^(ovn-k8s-mp\d+|ovn0|br-int|ovs-system)$/,
    files: ['/run/ovn-kubernetes', '/run/openvswitch/db.sock'],
    mayBypassRules: true,
  },
  { name: 'Antrea', links: /^antrea-(gw0|tun0)$/, files: [], mayBypassRules: true },
  {
    name: 'kube-router',
    links: /^(kube-bridge|kube-dummy-if)$/,
    files: [],
    mayBypassRules: false,
  },
  {
    name: 'Flannel',
    links: /^(flannel[.\d\w-]*)$/,
    files: ['/run/flannel/subnet.env'],
    mayBypassRules: false,
  },
]

/**
 * Data planes of Kubernetes that links and files of this machine tell of.
 *
 * @param root in place of `/`, for tests
 */
export function findDataPlanes(links: readonly LinkView[], root = '/'): readonly DataPlane[] {
  const found = known.flatMap(({ name, links: pattern, files, mayBypassRules }) => {
    const linkSigns = links
      .filter((link) => pattern.test(link.name))
      .map((link) => `link ${link.name}`)
    const fileSigns = files.filter((file) => existsSync(join(root, file)))
    const signs = [...linkSigns.slice(0, 3), ...fileSigns]
    return signs.length === 0 ? [] : [{ name, signs, mayBypassRules }]
  })
  const hasEbpf = found.some(({ name }) => name === 'Calico with eBPF')
  return found.filter(({ name }) => !(hasEbpf && name === 'Calico'))
}
