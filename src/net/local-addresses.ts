import type { NetworkInterfaceInfo } from 'node:os'

/** What os.networkInterfaces() returns. */
export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

const WILDCARD4 = '0.0.0.0'

/** Whether a host stands for all addresses of this machine: '', `::`, or `0.0.0.0` for IPv4. */
export function isWildcard(host: string): boolean {
  return host === '' || host === WILDCARD4 || /^[0:]+$/.test(host)
}

/** Addresses of this machine that a wildcard stands for, link-local ones with their scope. */
export function localAddresses(wildcard: string, interfaces: Interfaces): string[] {
  const found = new Set<string>()
  for (const [name, infos = []] of Object.entries(interfaces)) {
    for (const { address, family } of infos) {
      if (family === 'IPv4') found.add(address)
      else if (wildcard !== WILDCARD4) {
        found.add(address.toLowerCase().startsWith('fe80:') ? `${address}%${name}` : address)
      }
    }
  }
  return [...found]
}
