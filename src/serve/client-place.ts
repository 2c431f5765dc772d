import { randomInt } from 'node:crypto'

/** Clients are told apart by 16 bits of a keyed hash: nobody can choose whose place to have. */
export const CLIENT_PLACES = 65_536

/** AF_INET6 of a socket address. */
const INET6 = 10

const seed = randomInt(2 ** 32)
const factor = randomInt(2 ** 31) * 2 + 1

/** A query, as far as it tells who asks; `Query` has more. */
export interface FromClient {
  readonly sockaddr: Uint8Array
  readonly rinfo: { readonly address: string } | null
  readonly target: { remoteAddress(q: unknown): string }
  /** Whether it is a copy, whose `place` is known. */
  readonly kept: boolean
  readonly place: number
}

/** A client's place, 0 to 65,535: of its IPv4 address, or the first 64 bits of an IPv6 one. */
export function clientPlace(q: FromClient): number {
  const { sockaddr } = q
  if (q.kept) return q.place
  if (q.rinfo !== null) return placeOfText(q.rinfo.address)
  if (sockaddr.length === 0) return placeOfText(q.target.remoteAddress(q))
  if (sockaddr[0] !== INET6) return placeOf(0, word(sockaddr, 4))
  return placeOf(word(sockaddr, 8), word(sockaddr, 12))
}

function word(b: Uint8Array, at: number): number {
  return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!
}

function placeOf(high: number, low: number): number {
  let h = Math.imul(high ^ seed, factor)
  h = Math.imul(h ^ (h >>> 15) ^ low, factor)
  return (h ^ (h >>> 13)) >>> 16
}

/** The same for an address as text: the first four groups of an IPv6 one, up to its `::`. */
export function placeOfText(text: string): number {
  const v6 = text.includes(':')
  const base = v6 ? 16 : 10
  let high = 0
  let low = 0
  let group = 0
  let groups = 0
  for (let i = 0; i <= text.length && groups < 4; i++) {
    const code = i < text.length ? text.charCodeAt(i) : COLON
    if (code === COLON || code === DOT) {
      if (!v6) low = (low << 8) | group
      else if (groups < 2) high = (high << 16) | group
      else low = (low << 16) | group
      groups++
      group = 0
      if (!v6 || text.charCodeAt(i + 1) !== COLON) continue
      break
    }
    group = group * base + digit(code)
  }
  if (!v6) return placeOf(0, low)
  if (groups === 1) high <<= 16
  if (groups === 3) low <<= 16
  return placeOf(high, low)
}

const COLON = 0x3a
const DOT = 0x2e

/** Of a decimal or hexadecimal digit; 0 for what an address has none of. */
function digit(code: number): number {
  if (code <= 0x39) return Math.max(0, code - 0x30)
  return Math.max(0, (code | 0x20) - 0x57)
}
