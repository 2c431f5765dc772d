import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Link } from '../../sys/rtnetlink-message.ts'

/** RTF_REJECT: a default route that leads nowhere. */
const REJECT = 0x200

/**
 * Kinds of links that lead away from the node. A device of its own has none; a veth is the uplink of a
 * node that is a container. Others are software switches, to which pods may be attached beside the
 * uplink, or tunnels, through which pods of other nodes come.
 */
const uplinkKinds: readonly string[] = ['', 'bond', 'ipvlan', 'macvlan', 'team', 'veth', 'vlan']

interface Links {
  /** Null where there is no link of this name. Throws SyscallError. */
  link(name: string): Pick<Link, 'kind'> | null
}

/**
 * Interfaces of default routes behind which there can be no pods of this node: the node's network. What
 * comes from there is not intercepted rather than dropped: a wrong guess costs the cache, not DNS.
 * Rejects with SyscallError.
 *
 * @param root of /proc
 */
export async function findUplinks(links: Links, root = '/'): Promise<string[]> {
  const v4 = await lines(join(root, 'proc/net/route'))
  const v6 = await lines(join(root, 'proc/net/ipv6_route'))
  const names = new Set([...v4.flatMap(defaultOfIpv4), ...v6.flatMap(defaultOfIpv6)])
  names.delete('lo')
  const isUplink = (name: string): boolean => {
    const link = links.link(name)
    return link !== null && uplinkKinds.includes(link.kind)
  }
  return [...names].filter(isUplink).toSorted()
}

/** interface, destination, gateway, flags, reference count, use, metric, mask, … */
function defaultOfIpv4(line: string): string[] {
  const [name = '', destination, , flags = '', , , , mask] = line.trim().split(/\s+/)
  const isDefault = destination === '00000000' && mask === '00000000'
  return isDefault && (parseInt(flags, 16) & REJECT) === 0 ? [name] : []
}

/** destination, its length, source, its length, next hop, metric, references, use, flags, interface */
function defaultOfIpv6(line: string): string[] {
  const [, length, , , , , , , flags = '', name = ''] = line.trim().split(/\s+/)
  return length === '00' && (parseInt(flags, 16) & REJECT) === 0 ? [name] : []
}

async function lines(file: string): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).trim().split('\n')
  } catch {
    // A kernel without this family.
    return []
  }
}
