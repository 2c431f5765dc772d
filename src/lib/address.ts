import { isIP, isIPv6 } from 'node:net'

/** Where somebody listens. */
export interface Endpoint {
  /** An IP address without brackets, with its zone (`%eth0`) where it is link-local; '' is every local one. */
  readonly host: string
  readonly port: number
}

/** `127.0.0.1:53`, `[::1]:53`, `:53`. */
export function joinHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Takes such an address apart, whatever its port. A string is what is wrong, as Go's net.SplitHostPort says it. */
export function splitHostPort(
  text: string,
): { readonly host: string; readonly port: string } | string {
  const fail = (reason: string): string => `address ${text}: ${reason}`
  const colon = text.lastIndexOf(':')
  if (colon < 0) return fail('missing port in address')
  let host = text.slice(0, colon)
  if (text.startsWith('[')) {
    const end = text.indexOf(']')
    if (end < 0) return fail("missing ']' in address")
    if (end + 1 !== colon) {
      return fail(text[end + 1] === ':' ? 'too many colons in address' : 'missing port in address')
    }
    host = text.slice(1, end)
  } else if (host.includes(':')) {
    return fail('too many colons in address')
  }
  if (host.includes('[')) return fail("unexpected '[' in address")
  if (host.includes(']') || text.includes(']', colon)) return fail("unexpected ']' in address")
  return { host, port: text.slice(colon + 1) }
}

/** Whether a text is a port, 0 included. */
export function isPort(text: string): boolean {
  return /^[0-9]{1,5}$/.test(text) && Number(text) <= 65_535
}

/** The inverse of `joinHostPort`. A string is what is wrong. */
export function parseHostPort(text: string): Endpoint | string {
  const parts = splitHostPort(text)
  if (typeof parts === 'string') return parts
  const { host, port } = parts
  return isPort(port) ? { host, port: Number(port) } : `address ${text}: invalid port`
}

/**
 * A server as flags name it: `10.96.0.10`, `10.96.0.10:5353`, `fd00::a`, `[fd00::a]:53`. A string is what is wrong.
 * Names are none: whom they lead to would be for another server to say.
 */
export function parseServerAddress(text: string, defaultPort: number): Endpoint | string {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text
  if (isIP(bare) !== 0) return { host: bare, port: defaultPort }
  const parts = splitHostPort(text)
  if (typeof parts === 'string' || isIP(parts.host) === 0) return `"${text}" is no IP address`
  const port = isPort(parts.port) ? Number(parts.port) : 0
  return port === 0 ? `"${text}" has no port from 1 to 65535` : { host: parts.host, port }
}

/** Whether a host stands for all addresses of this machine, of both families as in Go: '', `::`, `0.0.0.0`. */
export function isWildcard(host: string): boolean {
  return host === '' || host === '0.0.0.0' || /^[0:]+$/.test(host)
}

/** fe80::/10 (RFC 4291 §2.5.6), which means nothing without the interface. */
export function isLinkLocalIPv6(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(address)
}

/** That, or 169.254.0.0/16 (RFC 3927): no other machine has a route to it. */
export function isLinkLocal(address: string): boolean {
  return address.startsWith('169.254.') || isLinkLocalIPv6(address)
}

/** 127.0.0.0/8 (RFC 1122 §3.2.1.3) or ::1: nothing for it leaves this machine. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || /^[0:]+:0*1$/.test(address)
}

/** `10.0.0.1` for `::ffff:10.0.0.1` and `::ffff:a00:1`: an IPv6 socket that speaks IPv4. */
export function unmapped(address: string): string {
  if (!address.includes(':')) return address
  const [, dotted, high, low] =
    /^::ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i.exec(address) ?? []
  if (dotted !== undefined) return dotted
  if (high === undefined || low === undefined) return address
  return [high, low]
    .map((word) => Number.parseInt(word, 16))
    .flatMap((word) => [word >> 8, word & 0xff])
    .join('.')
}

/**
 * An IP address, IPv6 in the form of RFC 5952, which the platform's own URL parser knows; a zone
 * (`fe80::1%eth0`), which that parser refuses, stays as it is.
 */
export function canonicalAddress(address: string): string {
  if (!address.includes(':')) return address
  const end = address.indexOf('%')
  const [bare, zone] = end < 0 ? [address, ''] : [address.slice(0, end), address.slice(end)]
  return `${new URL(`http://[${bare}]`).hostname.slice(1, -1)}${zone}`
}

/** The source address to use towards `host`; undefined: the system chooses (other family). */
export function sourceFor(host: string, source: string | null): string | undefined {
  return source !== null && isIPv6(source) === isIPv6(host) ? source : undefined
}
