import { randomInt } from 'node:crypto'

/** Clients are told apart by 16 bits of a keyed hash: nobody can choose whose place to have. */
export const CLIENT_PLACES = 65_536

/** AF_INET6 of a socket address. */
const INET6 = 10

/** What a place depends on beside the address; `factor` is odd. */
export interface PlaceKey {
  readonly seed: number
  readonly factor: number
}

const processKey: PlaceKey = { seed: randomInt(2 ** 32), factor: randomInt(2 ** 31) * 2 + 1 }

/** A query, as far as it tells who asks; `Query` has more. */
export interface FromClient {
  /** A socket address as the kernel writes it. */
  readonly client: Uint8Array
  readonly target: { remoteAddress(q: unknown): string }
  /** Whether it is a copy, whose `place` is known. */
  readonly kept: boolean
  readonly place: number
}

/** A client's place, 0 to 65,535: of its IPv4 address, or the first 64 bits of an IPv6 one. */
export function clientPlace(q: FromClient): number {
  const { client } = q
  if (q.kept) return q.place
  if (!hasIPv6Address(client)) return placeOf(0, addressWord(client, 4))
  return placeOf(addressWord(client, 8), addressWord(client, 12))
}

/** Whether a client's socket address is IPv6, 16 octets at 8; else it is IPv4, 4 octets at 4. */
export function hasIPv6Address(client: Uint8Array): boolean {
  return client[0] === INET6
}

/** Four octets of an address as one number, signed. */
export function addressWord(b: Uint8Array, at: number): number {
  return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!
}

/**
 * The place of 64 bits of an address, or of 32 below zeros. The key is in the first two rounds; the others spread
 * what one of few bits would leave together.
 */
export function placeOf(high: number, low: number, key: PlaceKey = processKey): number {
  const { factor } = key
  let h = Math.imul(high ^ key.seed, factor)
  h = Math.imul(h ^ (h >>> 15) ^ low, factor)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h >>> 16
}
