import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Network } from '../lib/address-set.ts'
import { type Interfaces, listInterfaces } from '../lib/interfaces.ts'
import { clientSockaddr } from '../sys/sockaddr.ts'

/** What tells the clients of a node apart. */
export interface NodeNetworks {
  /** Addresses of this machine. */
  readonly node: readonly Network[]
  /** Where routes lead that leave by none of the node's uplinks: to its pods, and other containers. */
  readonly pods: readonly Network[]
}

/** Octets that are read of a routing table: some 8,000 routes. */
const TABLE_LIMIT = 2 ** 20
/** linux/ipv6_route.h, linux/route.h: routes that lead nowhere, or to an address of this machine. */
const RTF_REJECT = 0x200
const RTF_ANYCAST = 0x00100000
const RTF_LOCAL = 0x80000000
/** Link-local and multicast addresses are on every interface. */
const EVERYWHERE = /^f(?:e[89ab]|f)/

interface Route {
  readonly device: string
  readonly network: Network
}

/**
 * Reads what the kernel's main routing table and its list of interfaces tell. Never rejects: what cannot be
 * read tells nothing, and its clients are `others`.
 *
 * Uplinks are the interfaces of default routes, and those that are hardware, bonds or VLANs: other
 * machines are behind them. Pods that stand in their networks (macvlan, ipvlan, a bridge with the
 * uplink in it) cannot be told from those.
 *
 * @param root of /proc and /sys
 */
export async function readNodeNetworks(
  root = '/',
  interfaces: () => Interfaces | null = listInterfaces,
): Promise<NodeNetworks> {
  const [v4, v6, virtual, vlans, bonds] = await Promise.all([
    text(join(root, 'proc/net/route')),
    text(join(root, 'proc/net/ipv6_route')),
    names(join(root, 'sys/devices/virtual/net')),
    names(join(root, 'proc/net/vlan')),
    text(join(root, 'sys/class/net/bonding_masters')),
  ])
  const routes = [...lines(v4).flatMap(ipv4Route), ...lines(v6).flatMap(ipv6Route)]
  const uplinks = new Set([...vlans, ...bonds.trim().split(/\s+/)])
  for (const { device, network } of routes) {
    const isHardware = virtual.length > 0 && !virtual.includes(device)
    if (network.length === 0 || isHardware) uplinks.add(device)
  }
  const inner = routes.filter(({ device }) => device !== 'lo' && !uplinks.has(device))
  return { node: ownAddresses(interfaces() ?? {}), pods: inner.map(({ network }) => network) }
}

function ownAddresses(interfaces: Interfaces): Network[] {
  return Object.values(interfaces).flatMap((infos = []) =>
    infos.map(({ address, family }) => {
      const name = clientSockaddr(address, 0)
      const bytes = family === 'IPv4' ? name.subarray(4, 8) : name.subarray(8, 24)
      return { bytes, length: 8 * bytes.length }
    }),
  )
}

/** interface, destination, gateway, flags, reference count, use, metric, mask, … in the byte order of the machine */
function ipv4Route(line: string): Route[] {
  const [device = '', destination = '', , flags = '', , , , mask = ''] = line.trim().split(/\s+/)
  if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask)) return []
  if ((parseInt(flags, 16) & RTF_REJECT) !== 0) return []
  const length = Math.clz32(~swapped(mask))
  return [{ device, network: { bytes: octets(swapped(destination)), length } }]
}

/** destination, its length, source, its length, next hop, metric, references, use, flags, interface */
function ipv6Route(line: string): Route[] {
  const [destination = '', length = '', , , , , , , flags = '', device = ''] = line
    .trim()
    .split(/\s+/)
  if (!/^[0-9a-f]{32}$/.test(destination) || EVERYWHERE.test(destination)) return []
  if ((parseInt(flags, 16) & (RTF_REJECT | RTF_ANYCAST | RTF_LOCAL)) !== 0) return []
  const bytes = new Uint8Array(Buffer.from(destination, 'hex'))
  return [{ device, network: { bytes, length: parseInt(length, 16) } }]
}

/** A word of /proc/net/route: octets in the order of the machine, which is little-endian. */
function swapped(hex: string): number {
  return Buffer.from(hex, 'hex').readUInt32LE()
}

function octets(address: number): Uint8Array {
  return Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address)
}

function lines(table: string): string[] {
  return table.split('\n')
}

/** The beginning of a file of the kernel's, whole lines; '' where it cannot be read. */
async function text(file: string): Promise<string> {
  try {
    const handle = await open(file)
    try {
      const pieces: Buffer[] = []
      let size = 0
      while (size < TABLE_LIMIT) {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(2 ** 16))
        if (bytesRead === 0) return Buffer.concat(pieces).toString('latin1')
        pieces.push(buffer.subarray(0, bytesRead))
        size += bytesRead
      }
      const read = Buffer.concat(pieces).toString('latin1')
      return read.slice(0, read.lastIndexOf('\n') + 1)
    } finally {
      await handle.close()
    }
  } catch {
    return ''
  }
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch {
    return []
  }
}
