import { canonicalName, isSubdomain } from './domain-name.ts'
import { valueError } from './error.ts'
import type { Key } from './keys.ts'
import type { Token } from './token.ts'
import { splitZone, zonesOf } from './zone-text.ts'

export { isSubdomain } from './domain-name.ts'

/**
 * One argument that names a zone, in canonical form: scheme and port are dropped, a CIDR prefix
 * becomes its reverse zones. Throws CorefileError where CoreDNS would silently ignore it.
 */
export function zones(token: Token): readonly string[] {
  const found = zonesOf(splitZone(token.text).host)
  if (typeof found === 'string') throw valueError(token, found)
  return found
}

/** The zones a plugin's arguments name, or, without arguments, those of its server block. */
export function zonesOr(args: readonly Token[], block: readonly string[]): readonly string[] {
  return args.length === 0 ? block : args.flatMap(zones)
}

/** One argument that is a domain name, in canonical form. */
export function domainName(token: Token): string {
  const name = canonicalName(token.text)
  if (name === null) throw valueError(token, `not a valid domain name: "${token.text}"`)
  return name
}

/** The longest of `candidates` that holds `name`, or null. All in canonical presentation. */
export function longestZone(candidates: readonly string[], name: string): string | null {
  let longest: string | null = null
  for (const zone of candidates) {
    if (isSubdomain(name, zone) && zone.length > (longest?.length ?? 0)) longest = zone
  }
  return longest
}

/** A zone and the address it is served on; empty for a block without `bind`. */
export interface Served extends Key {
  readonly address: string
}

function show(served: Served): string {
  const { scheme, zone, port, address } = served
  return `${scheme}://${zone}:${port}${address === '' ? '' : ` on ${address}`}`
}

function cannotServe(served: Served, reason: string): Error {
  return valueError(served.token, `cannot serve ${show(served)} - ${reason}`)
}

/**
 * Throws CorefileError where two entries claim the same queries: the same zone twice on one
 * address, or one port both on some addresses and, unbound, on all of them. CoreDNS notices the
 * latter for equal zones alone; for others the kernel picks a socket, and with it the zones.
 */
export function checkOverlaps(entries: readonly Served[]): void {
  const defined = new Set<string>()
  const zoneOwners = new Map<string, Served>()
  const portOwners = new Map<string, Served>()
  for (const entry of entries) {
    const { scheme, zone, port, address } = entry
    if (port === 0) continue
    const bound = address !== ''
    if (defined.has(show(entry))) throw cannotServe(entry, 'it is already defined')
    const sameZone = zoneOwners.get(`${scheme} ${port} ${zone} ${!bound}`)
    if (sameZone !== undefined) {
      throw cannotServe(entry, `zone overlap listener capacity with ${show(sameZone)}`)
    }
    const samePort = portOwners.get(`${scheme} ${port} ${!bound}`)
    if (samePort !== undefined) {
      const other = bound ? 'has no bind address' : 'is bound to one address'
      throw cannotServe(
        entry,
        `${show(samePort)} ${other}: on one port, bind all server blocks or none`,
      )
    }
    defined.add(show(entry))
    const zoneKey = `${scheme} ${port} ${zone} ${bound}`
    if (!zoneOwners.has(zoneKey)) zoneOwners.set(zoneKey, entry)
    const portKey = `${scheme} ${port} ${bound}`
    if (!portOwners.has(portKey)) portOwners.set(portKey, entry)
  }
}
