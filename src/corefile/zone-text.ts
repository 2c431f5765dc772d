import { canonicalName } from './domain-name.ts'
import { quote } from './go-quote.ts'
import { parsePrefix, type Prefix } from './ip.ts'

/** A zone as CoreDNS's configuration writes it: `[scheme://]zone[:port]`, split but not checked. */
export interface ZoneText {
  /** Lower case, `dns` where none is given. */
  readonly scheme: Scheme
  readonly host: string
  /** Decimal integer as written, or null. */
  readonly port: string | null
}

const schemes = ['dns', 'tls', 'quic', 'grpc', 'https', 'https3', 'unix'] as const
export type Scheme = (typeof schemes)[number]

/** Splits scheme and port off; the port is what follows the last colon if it is an integer. */
export function splitZone(text: string): ZoneText {
  const scheme = schemes.find((name) => text.toLowerCase().startsWith(`${name}://`))
  const rest = scheme === undefined ? text : text.slice(scheme.length + 3)
  const colon = rest.lastIndexOf(':')
  const port = rest.slice(colon + 1)
  if (colon < 0 || !/^[+-]?[0-9]+$/.test(port)) {
    return { scheme: scheme ?? 'dns', host: rest, port: null }
  }
  return { scheme: scheme ?? 'dns', host: rest.slice(0, colon), port }
}

/** The reverse zone of a prefix that ends on a label boundary. */
function reverseName(prefix: Prefix): string {
  const v4 = prefix.bytes.length === 4
  const labels = v4
    ? Array.from(prefix.bytes.subarray(0, prefix.length / 8), String)
    : Buffer.from(prefix.bytes)
        .toString('hex')
        .slice(0, prefix.length / 4)
        .split('')
  return [...labels.reverse(), v4 ? 'in-addr.arpa.' : 'ip6.arpa.'].join('.')
}

/**
 * The reverse zones that cover a prefix: its length is rounded up to a label boundary (8 bits for
 * IPv4, 4 for IPv6), and every longer prefix inside becomes a zone. At most 128.
 */
export function reverseZones(prefix: Prefix): readonly string[] {
  const step = prefix.bytes.length === 4 ? 8 : 4
  const length = Math.ceil(prefix.length / step) * step
  const count = 1 << (length - prefix.length)
  return Array.from({ length: count }, (_, index) => {
    const bytes = Uint8Array.from(prefix.bytes)
    // Everything below the boundary is zero, so the index lands in the last octet or nibble kept.
    const last = Math.ceil(length / 8) - 1
    if (length > 0) bytes[last] = (bytes[last] ?? 0) | (index << (length % 8))
    return reverseName({ bytes, length })
  })
}

/**
 * The zones that the text of one zone means, in canonical form: one, or several for a CIDR prefix.
 * A string instead of a list is the reason why the text is no zone.
 */
export function zonesOf(host: string): readonly string[] | string {
  if (host.endsWith(':')) return `expecting data after last colon: ${quote(host)}`
  const length = Buffer.byteLength(host)
  if (length > 255) return `specified zone is too long: ${length} > 255`
  const name = canonicalName(host)
  if (name === null) return `zone is not a valid domain name: ${host}`
  if (!host.includes('/')) return [name]
  const prefix = parsePrefix(host)
  if (prefix === null) return [name]
  // A leading colon or zero is ambiguous between an address and a port.
  return /^(?::|0.*:)/.test(host) ? `invalid CIDR ${host}` : reverseZones(prefix)
}
