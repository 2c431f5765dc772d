import type { NetworkInterfaceInfo } from 'node:os'

import { isLinkLocalIPv6 } from '../lib/address.ts'

/** What os.networkInterfaces() returns. */
export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

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
