import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** RTF_REJECT: a default route that leads nowhere. */
const REJECT = 0x200

/**
 * Interfaces of default routes behind which there can be no pods of this node: the node's network.
 * Left out are bridges and other software switches, to which pods may be attached beside the uplink.
 *
 * @param isPair whether a link is one end of a pair (veth), as the uplink of a node in a container is
 * @param root of /proc and /sys
 */
export async function findUplinks(
  isPair: (name: string) => boolean,
  root = '/',
): Promise<string[]> {
  const v4 = await lines(join(root, 'proc/net/route'))
  const v6 = await lines(join(root, 'proc/net/ipv6_route'))
  const names = new Set([...v4.flatMap(defaultOfIpv4), ...v6.flatMap(defaultOfIpv6)])
  names.delete('lo')
  const found = []
  for (const name of names) {
    if (isPair(name) || (await isUplink(join(root, 'sys/class/net', name)))) found.push(name)
  }
  return found.toSorted()
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

/**
 * A device of its own, one on top of another (VLAN, macvlan), or a bond. The other end of a pair in
 * another network namespace may have the same index as this one: a pair does not show here.
 */
async function isUplink(folder: string): Promise<boolean> {
  if (await exists(join(folder, 'bridge'))) return false
  if (await exists(join(folder, 'device'))) return true
  const [below] = await lines(join(folder, 'iflink'))
  const [own] = await lines(join(folder, 'ifindex'))
  return below !== own || (await exists(join(folder, 'bonding')))
}

async function lines(file: string): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).trim().split('\n')
  } catch {
    // A kernel without this family, or an interface that has just gone.
    return []
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
