import { isLinkLocalIPv6 } from '../lib/address.ts'
import type { Interfaces } from '../lib/interfaces.ts'

/** All addresses of this machine, link-local ones with their scope. */
export function localAddresses(interfaces: Interfaces): string[] {
  const found = new Set<string>()
  for (const [name, infos = []] of Object.entries(interfaces)) {
    for (const { address } of infos) {
      found.add(isLinkLocalIPv6(address) ? `${address}%${name}` : address)
    }
  }
  return [...found]
}
