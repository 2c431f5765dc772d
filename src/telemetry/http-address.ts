/** Where an HTTP listener listens; host '' is every interface. */
export interface HttpAddress {
  readonly host: string
  readonly port: number
}

/**
 * Reads `host:port`, `:port` (every interface) or `[ipv6]:port`. `localhost` becomes 127.0.0.1, so
 * that both spellings share a listener and no resolver is asked. A string is what is wrong.
 */
export function parseHttpAddress(address: string): HttpAddress | string {
  const colon = address.lastIndexOf(':')
  if (colon < 0 || address.endsWith(']')) return `address ${address}: missing port in address`
  let host = address.slice(0, colon)
  if (host.startsWith('[')) {
    if (!host.endsWith(']')) return `address ${address}: missing ']' in address`
    host = host.slice(1, -1)
  } else if (host.includes(':')) {
    return `address ${address}: too many colons in address`
  }
  const digits = address.slice(colon + 1)
  if (!/^\d{1,5}$/.test(digits) || Number(digits) > 0xffff) {
    return `address ${address}: port must be a number from 0 to 65535`
  }
  return { host: host === 'localhost' ? '127.0.0.1' : host, port: Number(digits) }
}

/** The address as text, IPv6 in brackets: the inverse of `parseHttpAddress`. */
export function formatHttpAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
