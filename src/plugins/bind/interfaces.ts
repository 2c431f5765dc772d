import { existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'

import { isLinkLocalIPv6 } from '../../lib/address.ts'
import type { ComingInterface } from '../../serve/plugin.ts'

/** The machine's network interfaces, as `bind` sees them; tests inject their own. */
export interface Interfaces {
  /**
   * The addresses of the interface called `name`, link-local IPv6 with its zone (`fe80::1%eth0`).
   * Empty where it has none or is down, null where there is no such interface.
   */
  addresses(name: string): readonly string[] | null
}

/** What the kernel says at the time of the call. */
export const systemInterfaces: Interfaces = {
  addresses(name) {
    const found = networkInterfaces()
    if (Object.hasOwn(found, name)) {
      return (found[name] ?? []).map(({ address }) =>
        isLinkLocalIPv6(address) ? `${address}%${name}` : address,
      )
    }
    // Node lists only what is up and has an address.
    return /^[^/]+$/.test(name) && !/^\.{1,2}$/.test(name) && existsSync(`/sys/class/net/${name}`)
      ? []
      : null
  },
}

/** The machine's, and the daemon's own, which has the addresses of `-localip` whatever an earlier daemon left on it. */
export function interfacesWith(coming: ComingInterface | null): Interfaces {
  return {
    addresses: (name) =>
      name === coming?.name ? coming.addresses : systemInterfaces.addresses(name),
  }
}
