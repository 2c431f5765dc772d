import { isIP } from 'node:net'
import { canonicalAddress, unmapped } from '../../lib/address.ts'
import { lowerCase } from '../../wire/bytes.ts'
import { rcodeFromName, rcodeName } from '../../wire/codes.ts'
import { MAX_NAME, textToName } from '../../wire/name.ts'
import { AdminError, parameter } from '../routes.ts'

/** Queries that are remembered at most. */
export const KEPT_QUERIES = 4_096

/** What a query without a reply shows as its rcode. */
export const DROPPED_TEXT = 'DROPPED'

/** Which of the last queries somebody wants to see. */
export interface QueryFilter {
  /** As `sockaddrAddress()` writes it; null for all. */
  readonly client: string | null
  /** A name in wire format, lower case: itself and what is below it. */
  readonly suffix: Uint8Array | null
  readonly rcode: string | null
  /** Milliseconds that a query took at least. */
  readonly slower: number
  /** Whether one of this rcode that took so many milliseconds is wanted at all; null for any. */
  readonly wanted: ((rcode: string, milliseconds: number) => boolean) | null
  readonly limit: number
}

/** What is answered where nobody says how many. */
export const LAST = 100

/** Reads the parameters of `/v1/queries`. Throws AdminError (400) for what is no value of theirs. */
export function readQueryFilter(query: URLSearchParams): QueryFilter {
  const of = <T>(name: string, read: (text: string) => T | null, wanted: string): T | null => {
    const text = parameter(query, name)
    if (text === null || text === '') return null
    const value = read(text)
    if (value === null) throw new AdminError(400, `"${text}" is no ${name}: want ${wanted}`)
    return value
  }
  return {
    client: of('client', addressOf, 'an IP address'),
    suffix: of('suffix', nameOf, 'a domain name'),
    rcode: of('rcode', rcodeOf, `a name such as NXDOMAIN, or ${DROPPED_TEXT}`),
    slower: of('slower', numberOf, 'milliseconds') ?? 0,
    wanted: null,
    limit: readLimit(query, KEPT_QUERIES, LAST),
  }
}

/** The parameter `limit`. Throws AdminError (400) where it is none from 1 to `most`. */
export function readLimit(query: URLSearchParams, most: number, fallback: number): number {
  const text = parameter(query, 'limit')
  if (text === null || text === '') return fallback
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (value >= 1 && value <= most) return value
  throw new AdminError(400, `"${text}" is no limit: want 1 to ${most}`)
}

function addressOf(text: string): string | null {
  const address = unmapped(text)
  return isIP(address) === 0 || address.includes('%') ? null : canonicalAddress(address)
}

function nameOf(text: string): Uint8Array | null {
  const out = new Uint8Array(MAX_NAME)
  const end = textToName(text, out, 0)
  return end < 0 ? null : out.subarray(0, end).map((octet) => lowerCase[octet]!)
}

function rcodeOf(text: string): string | null {
  const upper = text.toUpperCase()
  if (upper === DROPPED_TEXT) return DROPPED_TEXT
  const code = rcodeFromName(upper)
  return code === undefined ? null : rcodeName(code)
}

function numberOf(text: string): number | null {
  return /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : null
}
