import { copyBytes } from '../../lib/bytes.ts'
import type { Query } from '../../serve/query.ts'
import { Type } from '../../wire/codes.ts'
import { compressInOrder } from '../../wire/compress.ts'
import { MAX_MESSAGE, MAX_RECORDS, type Records } from '../../wire/records.ts'
import { type Policy, rankOf, type Ranks } from './policy.ts'
import { Random } from './random.ts'

/** Of `usualRanks` and `preferRanks`. */
const RANKS = 4

/** Writes messages anew whose records are not in the order of their ranks, or whose MX are to be shuffled. */
export class Reorder {
  readonly #policy: Policy
  readonly #random: Random
  /** Made when first needed: most messages need none of it. */
  #scratch: Buffer | null = null
  #order: Uint16Array | null = null
  #copy: Uint16Array | null = null

  constructor(policy: Policy, random: Random = new Random()) {
    this.#policy = policy
    this.#random = random
  }

  /** Puts the records of the message in `q.out` in order; false, and nothing changed, where it gets too long. */
  write(q: Query, records: Records): boolean {
    const order = (this.#order ??= new Uint16Array(MAX_RECORDS))
    const scratch = (this.#scratch ??= Buffer.allocUnsafeSlow(MAX_MESSAGE))
    const { answerCount, authorityCount, count } = records
    const { ranks, authorityRanks } = this.#policy
    const authority = answerCount + authorityCount
    this.#sort(records, 0, answerCount, ranks, order)
    this.#sort(records, answerCount, authority, authorityRanks, order)
    this.#sort(records, authority, count, ranks, order)
    this.#permute(records, order)
    const length = compressInOrder(q.out, records, q.question, scratch)
    // Extended errors may lie behind the message.
    if (length < 0 || (length > q.outLength && q.errors.size > 0)) {
      q.records = null
      return false
    }
    copyBytes(scratch, 0, q.out, 0, length)
    q.outLength = length
    return true
  }

  /** Lists the records `from` … `to` − 1 by rank, in `order`. */
  #sort(
    { types }: Records,
    from: number,
    to: number,
    ranks: Ranks | null,
    order: Uint16Array,
  ): void {
    let next = from
    for (let rank = 0; rank < RANKS; rank++) {
      const first = next
      for (let i = from; i < to; i++) {
        if ((ranks === null ? 0 : rankOf(ranks, types[i]!)) === rank) order[next++] = i
      }
      if (this.#policy.shufflesMx && next > first && types[order[first]!] === Type.MX) {
        this.#shuffle(order, first, next)
      }
    }
  }

  #shuffle(order: Uint16Array, first: number, end: number): void {
    for (let i = end - 1; i > first; i--) {
      const other = first + this.#random.below(i - first + 1)
      const index = order[i]!
      order[i] = order[other]!
      order[other] = index
    }
  }

  #permute(records: Records, order: Uint16Array): void {
    const copy = (this.#copy ??= new Uint16Array(MAX_RECORDS))
    const { count } = records
    for (const field of [records.types, records.starts, records.ttlAt, records.ends]) {
      copy.set(field.subarray(0, count))
      for (let i = 0; i < count; i++) field[i] = copy[order[i]!]!
    }
  }
}
