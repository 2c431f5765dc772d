import { scanReply } from '../../serve/finish.ts'
import type { Query } from '../../serve/query.ts'
import { read16 } from '../../wire/bytes.ts'
import { Class, Type } from '../../wire/codes.ts'
import { readCount, Section } from '../../wire/header.ts'
import { sameName, skipName } from '../../wire/name.ts'
import { RECORD_FIXED } from '../../wire/record-layout.ts'
import { MAX_RECORDS } from '../../wire/records.ts'
import { copyQuestion } from '../../wire/reply.ts'
import { isAddress, type Policy, rankOf, type Ranks } from './policy.ts'
import { Reorder } from './reorder.ts'

/** Instead of the offset after a section. */
const BROKEN = -1
const DISORDER = -2
const POINTER = 0xc0
const POINTER_SIZE = 2
const IPV4_SIZE = 4
const IPV6_SIZE = 16
const FIXED_TO_TTL = 4
const POINTER_TO_TTL = POINTER_SIZE + FIXED_TO_TTL

/**
 * Arranges the records of one message at a time, where it lies. Hits come by here, so nothing is allocated,
 * and nothing is scanned but the records themselves, once:
 *
 *     www CNAME web  │ web A .1  web A .2  web A .3 │ …
 *                      └──── one name and type ───┘   data and TTLs change places, names stay
 *
 * Where that cannot be done in place (records that are not in the order of their ranks, several MX), the
 * message is written anew.
 */
export class Arranger {
  readonly #policy: Policy
  readonly #reorder: Reorder
  /** TTLs of the addresses of one name and type. */
  readonly #places = new Uint16Array(MAX_RECORDS)

  constructor(policy: Policy) {
    this.#policy = policy
    this.#reorder = new Reorder(policy)
  }

  /** Arranges the message in `q.out`; one that cannot be read stays as it is. */
  arrange(q: Query): void {
    const { alike, out, question } = q
    const answers = readCount(out, Section.Answer)
    if (alike !== 0 && this.#policy.orderAlike(out, question.end, answers, alike)) return
    const authorities = readCount(out, Section.Authority)
    const additionals = readCount(out, Section.Additional)
    if (answers < 2 && authorities < 2 && additionals < 2) return
    if (!this.#policy.handles(question.type)) return
    copyQuestion(out, q.wire, question)
    if (this.#walk(q, true) !== DISORDER) return
    const records = q.records ?? scanReply(q)
    if (records !== null && this.#reorder.write(q, records)) this.#walk(q, false)
  }

  /** @param mx whether several MX records are still to be put in another order */
  #walk(q: Query, mx: boolean): number {
    const { ranks, authorityRanks } = this.#policy
    const { out } = q
    let at = this.#section(q, q.question.end, readCount(out, Section.Answer), ranks, mx)
    const authorities = readCount(out, Section.Authority)
    const additionals = readCount(out, Section.Additional)
    if (at < 0 || (authorities < 2 && additionals < 2)) return at
    at = this.#section(q, at, authorities, authorityRanks, mx)
    return at < 0 ? at : this.#section(q, at, additionals, ranks, mx)
  }

  /**
   * Orders the addresses of a section of `count` records that begins at `start`. Returns the offset after
   * it, BROKEN or DISORDER.
   */
  #section(q: Query, start: number, count: number, ranks: Ranks | null, mx: boolean): number {
    const b = q.out
    const length = q.outLength
    let at = start
    let rank = 0
    let type = 0
    /** Of the addresses found: their owner, how many, of which type. */
    let owner = 0
    let found = 0
    let foundType = 0
    for (let i = 0; i < count; i++) {
      const fixed = at < length && b[at]! >= POINTER ? at + 2 : skipName(b, at, length)
      if (fixed < 0 || fixed + RECORD_FIXED > length) return BROKEN
      const before = type
      type = read16(b, fixed)
      const size = read16(b, fixed + 8)
      let next = fixed + RECORD_FIXED + size
      if (next > length) return BROKEN
      if (ranks !== null) {
        const own = rankOf(ranks, type)
        if (own < rank || (mx && type === Type.MX && before === Type.MX)) return DISORDER
        rank = own
      }
      if (ranks !== null && isIPAddress(b, type, fixed, size)) {
        if (type !== foundType || !isSameName(b, owner, at, length)) {
          this.#order(b, owner, found, foundType)
          found = 0
          owner = at
          foundType = type
        }
        this.#places[found++] = fixed + FIXED_TO_TTL
        // Mostly those that follow differ in TTL and address alone.
        if (fixed - at === POINTER_SIZE) {
          const whole = next - at
          const pointer = read16(b, at)
          while (i + 1 < count && next + whole <= length && isAlike(b, next, pointer, type, size)) {
            this.#places[found++] = next + POINTER_TO_TTL
            next += whole
            i++
          }
        }
      }
      at = next
    }
    this.#order(b, owner, found, foundType)
    return at
  }

  #order(b: Buffer, owner: number, count: number, type: number): void {
    if (count < 2) return
    this.#policy.order(b, owner, this.#places, count, type === Type.A ? IPV4_SIZE : IPV6_SIZE)
  }
}

/** Whether the record whose type stands at `fixed` has an address for its data. */
function isIPAddress(b: Buffer, type: number, fixed: number, size: number): boolean {
  return (
    isAddress(type) &&
    size === (type === Type.A ? IPV4_SIZE : IPV6_SIZE) &&
    read16(b, fixed + 2) === Class.IN
  )
}

/** Whether the record at `at` has this pointer for its owner, this type and size, and class IN. */
function isAlike(b: Buffer, at: number, pointer: number, type: number, size: number): boolean {
  return (
    read16(b, at) === pointer &&
    read16(b, at + 2) === type &&
    read16(b, at + 4) === Class.IN &&
    read16(b, at + 10) === size
  )
}

/** Whether two owners are one; mostly both are a pointer to the same place. */
function isSameName(b: Buffer, one: number, other: number, length: number): boolean {
  if (b[one]! >= POINTER && read16(b, one) === read16(b, other)) return true
  return (
    skipName(b, one, length) > 0 && skipName(b, other, length) > 0 && sameName(b, one, b, other)
  )
}
