import { valueError } from './error.ts'
import { shown, type Token, withText } from './token.ts'
import { type Scheme, splitZone, zonesOf } from './zone-text.ts'

/** One zone a server block serves; a key that is a CIDR prefix gives several. */
export interface Key {
  readonly scheme: Scheme
  /** Canonical: fully qualified, lower case (as CoreDNS 1.14.7). */
  readonly zone: string
  /** 0 to 65535; 0 lets the kernel choose. */
  readonly port: number
  /** The key as written, for errors. */
  readonly token: Token
}

export interface KeyOptions {
  /** Port of a `dns://` key that names none. */
  readonly port: number
  readonly warn: (message: string) => void
}

const DEFAULT_PORTS = { tls: 853, quic: 853, grpc: 443, https: 443, https3: 443, unix: 0 } as const

/** RFC 1035 §2.3.1: letters, digits and hyphens, a letter first. Root and reverse zones are fine. */
function isPreferredSyntax(zone: string): boolean {
  if (zone === '.' || /(^|\.)(in-addr|ip6)\.arpa\.$/.test(zone)) return true
  return zone
    .slice(0, -1)
    .split('.')
    .every((label) => /^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(label))
}

/** What the author of an odd key probably meant; null for any other. */
function misspelling(text: string): string | null {
  if (text.includes('\\n')) return 'a line break is no "\\n", the file has to have real ones'
  if (text.endsWith('{')) return "put a space before '{'"
  return /[{}]/.test(text) ? "put a space before each brace, and a line break behind '{'" : null
}

function portOf(token: Token, text: string): number {
  const port = Number(text)
  if (port < 0 || port > 65_535) throw valueError(token, `address ${text}: invalid port`)
  return port
}

function parseKey(token: Token, options: KeyOptions): readonly Key[] {
  const hint = misspelling(token.text)
  if (hint !== null)
    options.warn(`${token.file}:${token.line} - '${shown(token)}' is read as a zone: ${hint}`)
  const { scheme, host, port } = splitZone(token.text)
  const zones = zonesOf(host)
  if (typeof zones === 'string') throw valueError(token, zones)
  // The environment of a process, or a file behind an open quote: a zone would be told of at start.
  if (token.hidden === true && /\p{Cc}/u.test(token.text)) throw valueError(token, 'no zone')
  const standard = scheme === 'dns' ? options.port : DEFAULT_PORTS[scheme]
  const number = port === null ? standard : portOf(token, port)
  return zones.map((zone) => {
    if (!isPreferredSyntax(zone)) {
      const remedy = zone.startsWith('*.')
        ? `: a zone holds all names below it, write ${shown(withText(token, zone.slice(2)))}`
        : ''
      options.warn(
        `Warning: Domain "${shown(withText(token, zone))}" does not follow RFC1035 preferred syntax${remedy}`,
      )
    }
    return { scheme, zone, port: number, token }
  })
}

/**
 * The zones of a server block in the order of its keys. Throws CorefileError on a key that is no
 * zone. Whether a scheme can be served is for the caller to say.
 */
export function parseKeys(keys: readonly Token[], options: KeyOptions): readonly Key[] {
  return keys.flatMap((token) => parseKey(token, options))
}
