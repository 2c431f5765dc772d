import { valueError } from './error.ts'
import { parseIp } from './ip.ts'
import type { Token } from './token.ts'

/** Where to listen or connect; an empty host means every address. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** `host:port`, `[v6]:port` or `:port`. Errors as Go's net.SplitHostPort, and for a port > 65535. */
export function hostPort(token: Token): HostPort {
  const { host, port } = splitHostPort(token)
  if (!isPort(port)) throw valueError(token, `address ${token.text}: invalid port`)
  return { host, port: Number(port) }
}

/** Whether a text is a port, 0 included. */
export function isPort(text: string): boolean {
  return /^[0-9]{1,5}$/.test(text) && Number(text) <= 65_535
}

/** An address whose port may be anything, nothing included. Errors as Go's net.SplitHostPort. */
export function splitHostPort(token: Token): { readonly host: string; readonly port: string } {
  const { text } = token
  const fail = (reason: string): Error => valueError(token, `address ${text}: ${reason}`)
  const colon = text.lastIndexOf(':')
  if (colon < 0) throw fail('missing port in address')
  let host = text.slice(0, colon)
  if (text.startsWith('[')) {
    const end = text.indexOf(']')
    if (end < 0) throw fail("missing ']' in address")
    if (end + 1 !== colon) {
      throw fail(text[end + 1] === ':' ? 'too many colons in address' : 'missing port in address')
    }
    host = text.slice(1, end)
  } else if (host.includes(':')) {
    throw fail('too many colons in address')
  }
  if (host.includes('[')) throw fail("unexpected '[' in address")
  if (host.includes(']') || text.includes(']', colon)) throw fail("unexpected ']' in address")
  return { host, port: text.slice(colon + 1) }
}

/** An IPv4 or IPv6 address without a zone, as written. */
export function ipAddress(token: Token): string {
  if (parseIp(token.text) === null) throw valueError(token, `not an IP address: "${token.text}"`)
  return token.text
}
