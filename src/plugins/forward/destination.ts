import { isIPv6 } from 'node:net'
import { ignore, type Token, valueError, type Warn } from '../../corefile/directive.ts'
import { parseIp } from '../../corefile/ip.ts'
import { type Endpoint, parseHostPort } from '../../lib/address.ts'

/** What forward speaks; the rest are other transports of CoreDNS. */
type Scheme = 'dns' | 'tls' | 'https'
const SCHEMES = ['dns', 'tls', 'https', 'quic', 'grpc', 'https3', 'unix'] as const
const PORTS: Readonly<Record<Scheme, number>> = { dns: 53, tls: 853, https: 443 }

/** How a TO is spoken to. */
export interface Manner {
  readonly scheme: Scheme
  /** Name that its certificate has to be for (`%NAME`, or the TO itself); null: `tls_servername`, or its address. */
  readonly serverName: string | null
}

/** One TO of the directive. */
export type Destination = Manner &
  (
    | { readonly kind: 'address'; readonly endpoint: Endpoint }
    /** A file with `nameserver` lines. */
    | { readonly kind: 'file'; readonly path: string }
    /** A domain name, resolved at start. */
    | { readonly kind: 'name'; readonly host: string; readonly port: number }
  )

/** Where nobody listens, and says so at once: the discard port (RFC 863) of this machine. */
const NOBODY: Endpoint = { host: '127.0.0.1', port: 9 }

/** Whether a path names something that can be read like a file. */
export type FileExists = (path: string) => boolean

/**
 * Reads one TO: an address, a file or a domain name; `dns://` in front of it or not, `tls://` or `https://`.
 */
export function readDestination(
  token: Token,
  exists: FileExists,
  warn: Warn = ignore,
): Destination {
  const { scheme, rest: whole } = splitScheme(token)
  if (scheme !== 'dns' && scheme !== 'tls' && scheme !== 'https') {
    throw valueError(
      token,
      `'${scheme}' is not supported as a destination protocol in forward: ${token.text}`,
    )
  }
  if (scheme === 'https' && whole.includes('/')) {
    throw valueError(
      token,
      'paths are not allowed in HTTPS upstream addresses ' +
        `(the /dns-query path is used by default): ${token.text}`,
    )
  }
  const { rest, serverName } =
    scheme === 'dns' ? { rest: withoutZone(whole), serverName: null } : splitServerName(whole)
  const endpoint = readEndpoint(rest, PORTS[scheme]) ?? withBadPort(token, rest, warn)
  if (endpoint !== null) return { kind: 'address', endpoint, scheme, serverName }
  if (exists(rest)) return inPlain(token, scheme, rest, warn)
  const name = readName(rest, PORTS[scheme])
  // Who is named has to be who answers: its address came from a server that nobody vouches for.
  if (name !== null) return { ...name, scheme, serverName: serverName ?? ownName(name, scheme) }
  const hint = rest.includes('/') ? ': no such file' : ''
  throw valueError(token, `not an IP address, file, or valid domain: "${rest}"${hint}`)
}

/** The servers of a file have no scheme: CoreDNS asks them in plain, whatever stands before its name. */
function inPlain(token: Token, scheme: Scheme, path: string, warn: Warn): Destination {
  if (scheme !== 'dns') {
    const { file, line } = token
    warn(`${file}:${line} - the servers that '${path}' names are asked without ${scheme}`)
  }
  return { kind: 'file', path, scheme: 'dns', serverName: null }
}

function ownName({ host }: Named, scheme: Scheme): string | null {
  return scheme === 'dns' ? null : host
}

/** An IPv4 address has no zone, but CoreDNS takes one in front of its port, and forgets it. */
function withoutZone(text: string): string {
  return text.replace(/^(\d+(?:\.\d+){3})%[^:]*/, '$1')
}

/** Takes `1.2.3.4%dns.example:853` and `[::1%dns.example]:853` apart, at the last `%`. */
function splitServerName(text: string): { rest: string; serverName: string | null } {
  const at = text.lastIndexOf('%')
  if (at < 0) return { rest: text, serverName: null }
  const bracket = text.startsWith('[') ? ']' : ''
  const parts = /^([^:\]]*)\]?(:.*)?$/.exec(text.slice(at + 1))
  if (parts === null) return { rest: text, serverName: null }
  const [, serverName = '', port = ''] = parts
  const rest = text.slice(0, at) + bracket + port
  return { rest, serverName: serverName === '' ? null : serverName }
}

function splitScheme({ text }: Token): { scheme: string; rest: string } {
  const scheme = SCHEMES.find((name) => text.startsWith(`${name}://`))
  return scheme === undefined
    ? { scheme: 'dns', rest: text }
    : { scheme, rest: text.slice(scheme.length + 3) }
}

/** `IP`, `IP:port`, `[v6]:port`, `v6`, `[v6]`; null for everything else. */
export function readEndpoint(text: string, port: number = PORTS.dns): Endpoint | null {
  if (isAddress(text)) return { host: text, port }
  // CoreDNS takes brackets off whatever has no port: an IPv4 address may have some, and one may be missing.
  const bare = text.replaceAll(/^[[\]]+|[[\]]+$/g, '')
  if (isAddress(bare)) return { host: bare, port }
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

/**
 * Letters, digits, hyphens and, since containers and Services have them, underscores; not all digits at the
 * end, which would be a mistyped address, nor a placeholder that nobody has filled in.
 */
const HOSTNAME =
  /^(?!__[A-Z_]+__$)(?=.{1,254}$)(?:\w(?:[\w-]{0,61}\w)?\.)*(?!\d+\.?$)\w(?:[\w-]{0,61}\w)?\.?$/

interface Named {
  readonly kind: 'name'
  readonly host: string
  readonly port: number
}

function readName(text: string, defaultPort: number): Named | null {
  const { host, port } = splitPort(text) ?? { host: text, port: defaultPort }
  return HOSTNAME.test(host) ? { kind: 'name', host, port } : null
}
