import type { NetworkInterfaceInfo } from 'node:os'

/** What os.networkInterfaces() returns. */
export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

/** Whether a host stands for all addresses of this machine, of both families as in Go: '', `::`, `0.0.0.0`. */
export function isWildcard(host: string): boolean {
  return host === '' || host === '0.0.0.0' || /^[0:]+$/.test(host)
}

/** All addresses of this machine, link-local ones with their scope. */
export function localAddresses(interfaces: Interfaces): string[] {
  const found = new Set<string>()
  for (const [name, infos = []] of Object.entries(interfaces)) {
    for (const { address } of infos) {
      found.add(address.toLowerCase().startsWith('fe80:') ? `${address}%${name}` : address)
    }
  }
  return [...found]
}
