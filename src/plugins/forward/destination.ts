import { isIPv6 } from 'node:net'
import { ignore, type Token, valueError, type Warn } from '../../corefile/directive.ts'
import { parseIp } from '../../corefile/ip.ts'
import { type Endpoint, parseHostPort } from '../../lib/address.ts'

/** One TO of the directive. */
export type Destination =
  | { readonly kind: 'address'; readonly endpoint: Endpoint }
  /** A file with `nameserver` lines. */
  | { readonly kind: 'file'; readonly path: string }
  /** A domain name, resolved at start. */
  | { readonly kind: 'name'; readonly host: string; readonly port: number }

const DNS_PORT = 53
/** Where nobody listens, and says so at once: the discard port (RFC 863) of this machine. */
const NOBODY: Endpoint = { host: '127.0.0.1', port: 9 }

/** Transports of CoreDNS; only the first is one of forward's that this release speaks. */
const SCHEMES = ['dns', 'tls', 'https', 'quic', 'grpc', 'https3', 'unix']
const MISSING = ['tls', 'https']

/** Whether a path names something that can be read like a file. */
export type FileExists = (path: string) => boolean

/** Reads one TO: an address, a file or a domain name, `dns://` in front of it or not. */
export function readDestination(
  token: Token,
  exists: FileExists,
  warn: Warn = ignore,
): Destination {
  const { scheme, rest } = splitScheme(token)
  if (MISSING.includes(scheme)) {
    throw valueError(
      token,
      `${scheme}:// upstreams are not implemented in this release: "${token.text}"`,
    )
  }
  if (scheme !== 'dns') {
    throw valueError(
      token,
      `'${scheme}' is not supported as a destination protocol in forward: ${token.text}`,
    )
  }
  const endpoint = readEndpoint(rest) ?? withBadPort(token, rest, warn)
  if (endpoint !== null) return { kind: 'address', endpoint }
  if (exists(rest)) return { kind: 'file', path: rest }
  const name = readName(rest)
  if (name !== null) return name
  const hint = rest.includes('/') ? ': no such file' : ''
  throw valueError(token, `not an IP address, file, or valid domain: "${rest}"${hint}`)
}

function splitScheme({ text }: Token): { scheme: string; rest: string } {
  const scheme = SCHEMES.find((name) => text.startsWith(`${name}://`))
  return scheme === undefined
    ? { scheme: 'dns', rest: text }
    : { scheme, rest: text.slice(scheme.length + 3) }
}

/** `IP`, `IP:port`, `[v6]:port`, `v6`, `[v6]`; null for everything else. */
export function readEndpoint(text: string): Endpoint | null {
  if (isAddress(text)) return { host: text, port: DNS_PORT }
  const bare = /^\[(.*)\]$/.exec(text)?.[1]
  if (bare !== undefined && isIPv6(bare)) return { host: bare, port: DNS_PORT }
  const parts = splitPort(text)
  return parts !== null && isAddress(parts.host) ? parts : null
}

/** An address whose port nobody can ask: CoreDNS starts with it, and its queries fail. */
function withBadPort(token: Token, text: string, warn: Warn): Endpoint | null {
  const [, v6, v4, port = ''] = /^(?:\[(.*)\]|([^:[\]]*)):([^:\]]*)$/.exec(text) ?? []
  if (!isAddress(v6 ?? v4 ?? '')) return null
  const { file, line } = token
  warn(`${file}:${line} - '${port}' is no port: nothing sent to '${token.text}' will be answered`)
  return NOBODY
}

/** An IP address, its zone (`%eth0`) included. */
function isAddress(text: string): boolean {
  return parseIp(text) !== null || (text.includes('%') && isIPv6(text))
}

function splitPort(text: string): Endpoint | null {
  const parts = parseHostPort(text)
  return typeof parts === 'string' || parts.port === 0 ? null : parts
}

/** Letters, digits and hyphens, and not all digits at the end: that would be a mistyped address. */
const HOSTNAME =
  /^(?=.{1,254}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?!\d+\.?$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?$/i

function readName(text: string): Destination | null {
  const { host, port } = splitPort(text) ?? { host: text, port: DNS_PORT }
  return HOSTNAME.test(host) ? { kind: 'name', host, port } : null
}
