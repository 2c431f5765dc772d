import type { AddressSet } from '../../lib/address-set.ts'
import { Type } from '../../wire/codes.ts'
import { Random } from './random.ts'
import { type DomainWeights, type Weights, weightAt } from './weights.ts'

/** Octets from a record's TTL to its data. */
const TTL_TO_DATA = 6
/** Octets from a record to its data where `Query.alike` is not 0. */
const ALIKE_TO_DATA = 12

/** Where the records of each type go in their section: those of a lower rank come first. */
export type Ranks = Readonly<Uint8Array>

/** Types from here on are among the others. */
const RANKED_TYPES = 32

/** CNAMEs, which stub resolvers want to read first, others, addresses, MX. */
const usualRanks = ranksOf(1, 2, 3)
/** With `prefer`: CNAMEs, addresses, MX, others. */
const preferRanks = ranksOf(3, 1, 2)

function ranksOf(others: number, addresses: number, mx: number): Ranks {
  const ranks = new Uint8Array(RANKED_TYPES + 1).fill(others)
  ranks[Type.CNAME] = 0
  ranks[Type.A] = ranks[Type.AAAA] = addresses
  ranks[Type.MX] = mx
  return ranks
}

export function rankOf(ranks: Ranks, type: number): number {
  return ranks[type < RANKED_TYPES ? type : RANKED_TYPES]!
}

export function isAddress(type: number): boolean {
  return type === Type.A || type === Type.AAAA
}

/** Changes the order of the addresses of one name and type, in place. */
export interface Policy {
  /** Whether the order of MX records changes, too. */
  readonly shufflesMx: boolean
  /** Whether the question decides: `weighted` looks at answers to A, AAAA and SRV alone. */
  handles(type: number): boolean
  /** Of the answer and the additional section. */
  readonly ranks: Ranks
  /** Of the authority section; null where that stays as it is. */
  readonly authorityRanks: Ranks | null
  /**
   * @param owner where the name that they have stands
   * @param places where their TTLs stand; all are exchanged with their data, in place
   * @param count at least 2
   * @param size octets of an address: 4 or 16
   */
  order(b: Uint8Array, owner: number, places: Uint16Array, count: number, size: number): void
  /**
   * Orders `count` records from `start` on, of `Query.alike` = `size` octets each, without a look at them;
   * false, and nothing changed, where the order depends on what they are.
   */
  orderAlike(b: Uint8Array, start: number, count: number, size: number): boolean
}

/** `round_robin`: every order is as likely; then the addresses of preferred networks come first. */
export class RoundRobin implements Policy {
  readonly shufflesMx = true
  readonly ranks: Ranks
  readonly authorityRanks: Ranks = usualRanks
  readonly #preferred: readonly AddressSet[]
  readonly #random: Random

  /** @param preferred a set for each network, the most preferred first */
  constructor(preferred: readonly AddressSet[], random: Random = new Random()) {
    this.#preferred = preferred
    this.#random = random
    this.ranks = preferred.length === 0 ? usualRanks : preferRanks
  }

  handles(): boolean {
    return true
  }

  order(b: Uint8Array, _owner: number, places: Uint16Array, count: number, size: number): void {
    const random = this.#random
    for (let i = count - 1; i > 0; i--) {
      exchange(b, places[i]!, places[random.below(i + 1)]!, size)
    }
    let first = 0
    for (let n = 0; n < this.#preferred.length && first < count; n++) {
      const network = this.#preferred[n]!
      for (let i = first; i < count; i++) {
        if (!network.has(b, places[i]! + TTL_TO_DATA, size)) continue
        exchange(b, places[i]!, places[first]!, size)
        first++
      }
    }
  }

  orderAlike(b: Uint8Array, start: number, count: number, size: number): boolean {
    if (this.#preferred.length > 0) return false
    const first = start + ALIKE_TO_DATA
    for (let left = count; left > 1; left--) {
      const other = first + size * this.#random.below(left)
      exchangeAddress(b, first + size * (left - 1), other, size - ALIKE_TO_DATA)
    }
    return true
  }
}

/** `weighted`: one address comes first, as likely as it weighs. */
export class Weighted implements Policy {
  readonly shufflesMx = false
  readonly ranks: Ranks = usualRanks
  readonly authorityRanks = null
  readonly #weights: () => Weights
  readonly #random: Random

  constructor(weights: () => Weights, random: Random = new Random()) {
    this.#weights = weights
    this.#random = random
  }

  handles(type: number): boolean {
    return isAddress(type) || type === Type.SRV
  }

  order(b: Uint8Array, owner: number, places: Uint16Array, count: number, size: number): void {
    const weights = this.#weights().of(b, owner)
    let sum = 0
    for (let i = 0; i < count; i++) sum += weightOf(weights, b, places[i]!, size)
    let left = this.#random.below(sum)
    let top = 0
    while ((left -= weightOf(weights, b, places[top]!, size)) >= 0) top++
    exchange(b, places[top]!, places[0]!, size)
  }

  orderAlike(): boolean {
    return false
  }
}

function weightOf(weights: DomainWeights, b: Uint8Array, ttlAt: number, size: number): number {
  return weightAt(weights, b, ttlAt + TTL_TO_DATA, size)
}

/** Two addresses of a size change places with their TTLs, word by word. */
function exchange(b: Uint8Array, one: number, other: number, size: number): void {
  if (one === other) return
  exchangeWord(b, one, other)
  exchangeAddress(b, one + TTL_TO_DATA, other + TTL_TO_DATA, size)
}

function exchangeAddress(b: Uint8Array, one: number, other: number, size: number): void {
  for (let i = 0; i < size; i += 4) exchangeWord(b, one + i, other + i)
}

function exchangeWord(b: Uint8Array, one: number, other: number): void {
  const o0 = b[one]!
  const o1 = b[one + 1]!
  const o2 = b[one + 2]!
  const o3 = b[one + 3]!
  b[one] = b[other]!
  b[one + 1] = b[other + 1]!
  b[one + 2] = b[other + 2]!
  b[one + 3] = b[other + 3]!
  b[other] = o0
  b[other + 1] = o1
  b[other + 2] = o2
  b[other + 3] = o3
}
