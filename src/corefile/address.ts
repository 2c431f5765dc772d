import { type Endpoint, joinHostPort, parseHostPort, splitHostPort } from '../lib/address.ts'
import { valueError } from './error.ts'
import { parseIp } from './ip.ts'
import type { Token } from './token.ts'

/** `host:port`, `[v6]:port` or `:port`. Errors as Go's net.SplitHostPort, and for a port > 65535. */
function hostPort(token: Token): Endpoint {
  const endpoint = parseHostPort(token.text)
  if (typeof endpoint === 'string') throw valueError(token, endpoint)
  return endpoint
}

/** Where to serve HTTP, as `host:port`. As in CoreDNS the port may be missing, which is warned of. */
export function listenAddress(token: Token, warn: (message: string) => void): string {
  const { text, file, line } = token
  const parts = splitHostPort(text)
  if (typeof parts !== 'string' && parts.port === '') {
    warn(`${file}:${line} - '${text}' has no port: the kernel chooses one that nobody knows`)
    return joinHostPort(parts.host, 0)
  }
  const { host, port } = hostPort(token)
  return joinHostPort(host, port)
}

/** An IPv4 or IPv6 address without a zone, as written. */
export function ipAddress(token: Token): string {
  if (parseIp(token.text) === null) throw valueError(token, `not an IP address: "${token.text}"`)
  return token.text
}
