import { printable } from '../../lib/printable.ts'
import { libc } from '../../sys/libc.ts'
import { Rtnetlink } from '../../sys/rtnetlink.ts'
import { IPVS_LINK } from '../kube-proxy.ts'
import { mapReading, readNumber, readText, type Reading } from './reading.ts'

/** A network interface of this namespace. */
export interface LinkView {
  readonly name: string
  /** `tun`, `dummy`, `veth`, `bridge`; '' for hardware and `lo`. */
  readonly kind: string
  readonly up: boolean
  /** Octets; null where it is not known. */
  readonly mtu: number | null
}

/** Where an address is on this machine. */
export interface AddressView {
  readonly address: string
  /** Whether the kernel takes packets to it for its own. */
  readonly local: boolean
  /** The link that has it, of those that may be ours and `kube-ipvs0`; null where none of them does. */
  readonly link: string | null
  /** Seconds until it goes; null where it stays. */
  readonly lifetime: number | null
}

export interface NetworkView {
  readonly links: readonly LinkView[]
  readonly addresses: readonly AddressView[]
  /** Addresses on the links that may be ours, by link. */
  readonly held: ReadonlyMap<string, readonly string[]>
}

/** Links that are looked at: more are those of pods, of which the first say enough. */
const MAX_LINKS = 1_000
const MAX_CANDIDATES = 50

/**
 * Links of this network namespace, and where `addresses` are. Needs no rights; asks the kernel by netlink,
 * changes nothing, sends nothing.
 *
 * @param addressesOf IP addresses in the form of RFC 5952, for what is on the links that may be ours
 */
export function readNetwork(
  addressesOf: (held: ReadonlyMap<string, readonly string[]>) => readonly string[],
): Reading<NetworkView> {
  const library = libc()
  if (library.libc === null) return { why: `netlink cannot be used: ${library.reason}` }
  try {
    const rtnetlink = new Rtnetlink(library.libc)
    try {
      return mapReading(linkNames(), (names) => look(rtnetlink, names, addressesOf))
    } finally {
      rtnetlink.close()
    }
  } catch (cause) {
    return { why: `netlink cannot be used: ${printable((cause as Error).message)}` }
  }
}

/** Names in /proc/net/dev, which belongs to the namespace of this process whatever /sys shows. */
export function linkNames(root = '/'): Reading<readonly string[]> {
  return mapReading(readText('/proc/net/dev', root), (text) =>
    [...text.matchAll(/^\s*([^\s:]{1,15}):/gm)].map(([, name = '']) => name).slice(0, MAX_LINKS),
  )
}

function look(
  rtnetlink: Rtnetlink,
  names: readonly string[],
  addressesOf: (held: ReadonlyMap<string, readonly string[]>) => readonly string[],
): NetworkView {
  const links = names.flatMap((name) => {
    const link = rtnetlink.link(name)
    if (link === null) return []
    return [{ ...link, name: printable(name), mtu: mtuOf(name) }]
  })
  const candidates = links.filter(mayBeOurs).slice(0, MAX_CANDIDATES)
  const onLinks = new Map(candidates.map(({ name, index }) => [name, rtnetlink.addresses(index)]))
  const held = new Map(
    [...onLinks].map(([link, all]) => [link, all.map(({ address }) => address)] as const),
  )
  return {
    links: links.map(({ name, kind, up, mtu }) => ({ name, kind: printable(kind), up, mtu })),
    addresses: addressesOf(held).map((address) => {
      const found = [...onLinks].flatMap(([link, all]) =>
        all.filter((one) => one.address === address).map(({ lifetime }) => ({ link, lifetime })),
      )
      const [at = { link: null, lifetime: null }] = found
      return { address, local: rtnetlink.route(address)?.local === true, ...at }
    }),
    held,
  }
}

/** A TUN or dummy of whatever name, `lo`, and where kube-proxy in IPVS mode keeps addresses. */
function mayBeOurs({ name, kind }: Pick<LinkView, 'name' | 'kind'>): boolean {
  return kind === 'tun' || kind === 'dummy' || ['lo', 'nodelocaldns', IPVS_LINK].includes(name)
}

function mtuOf(name: string): number | null {
  const mtu = readNumber(`/sys/class/net/${name}/mtu`)
  return 'value' in mtu ? mtu.value : null
}
