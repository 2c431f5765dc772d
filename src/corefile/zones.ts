import { isWildcard } from '../lib/address.ts'
import { canonicalName } from './domain-name.ts'
import { readAll, valueError } from './error.ts'
import type { Key } from './keys.ts'
import { shown, type Token, withText } from './token.ts'
import { splitZone, zonesOf } from './zone-text.ts'

/**
 * One argument that names a zone, in canonical form: scheme and port are dropped, a CIDR prefix
 * becomes its reverse zones. Throws CorefileError where CoreDNS would silently ignore it.
 */
export function zones(token: Token): readonly string[] {
  const found = zonesOf(splitZone(token.text).host)
  if (typeof found === 'string') throw valueError(token, found)
  return found
}

/**
 * The zones a plugin's arguments name, or, without arguments, those of its server block. A word that is
 * no zone stands for none, as in CoreDNS, and is warned of.
 */
export function zonesOr(
  args: readonly Token[],
  block: readonly string[],
  warn: (message: string) => void = () => {},
): readonly string[] {
  if (args.length === 0) return block
  return args.flatMap((token) => {
    const found = zonesOf(splitZone(token.text).host)
    if (typeof found !== 'string') return found
    warn(
      `${token.file}:${token.line} - '${shown(token)}' is ignored: ${shown(withText(token, found))}`,
    )
    return []
  })
}

/** One argument that is a domain name, in canonical form. */
export function domainName(token: Token): string {
  const name = canonicalName(token.text)
  if (name === null) throw valueError(token, `not a valid domain name: "${token.text}"`)
  return name
}

/** A zone and the address it is served on; empty for a block without `bind`. */
export interface Served extends Key {
  readonly address: string
  /** True where the block takes only some of the queries (`view`): others may serve the same zone. */
  readonly filtered?: boolean
}

function show(served: Served): string {
  const { scheme, zone, port, address } = served
  return `${scheme}://${zone}:${port}${address === '' ? '' : ` on ${address}`}`
}

function cannotServe(served: Served, reason: string): Error {
  return valueError(served.token, `cannot serve ${show(served)} - ${reason}`)
}

/**
 * Throws CorefileError where two entries claim the same queries: the same zone twice on one address, or
 * both on some addresses of a port and, unbound, on all of them. Different zones may be: of a query to
 * a bound address only the blocks that are bound to it know. Likewise where two transports want the
 * same TCP port of an address, which CoreDNS lets share its connections at random.
 */
export function checkOverlaps(entries: readonly Served[]): void {
  const defined = new Set<string>()
  const zoneOwners = new Map<string, Served>()
  const transports = new Map<string, Served>()
  readAll(entries, (entry) => {
    const { scheme, zone, port, address, filtered = false } = entry
    if (port === 0) return
    const bound = address !== ''
    if (defined.has(show(entry))) {
      if (filtered) return
      throw cannotServe(entry, 'it is already defined')
    }
    const sameZone = zoneOwners.get(`${scheme} ${port} ${zone} ${!bound}`)
    if (sameZone !== undefined) {
      throw cannotServe(entry, `zone overlap listener capacity with ${show(sameZone)}`)
    }
    const socket = `${port} ${isWildcard(address) ? '' : address}`
    const other = transports.get(socket) ?? entry
    if (other.scheme !== scheme) {
      throw cannotServe(entry, `TCP port ${port} is that of ${show(other)}`)
    }
    transports.set(socket, other)
    if (filtered) return
    defined.add(show(entry))
    const zoneKey = `${scheme} ${port} ${zone} ${bound}`
    if (!zoneOwners.has(zoneKey)) zoneOwners.set(zoneKey, entry)
  })
}

/** Tells of entries that get no query, because one before them takes all queries of the same zone. */
export function warnOfShadows(entries: readonly Served[], warn: (message: string) => void): void {
  const takesAll = new Map<string, Token>()
  for (const entry of entries) {
    const { filtered = false, port, token } = entry
    if (port === 0) continue
    const before = takesAll.get(show(entry))
    if (before !== undefined) {
      const { file, line } = token
      warn(
        `${file}:${line} - '${shown(token)}' gets no query of ${shown(withText(token, show(entry)))}: ` +
          `the block of ${before.file}:${before.line} has no view and takes them all, it has to come last`,
      )
    } else if (!filtered) takesAll.set(show(entry), token)
  }
}
