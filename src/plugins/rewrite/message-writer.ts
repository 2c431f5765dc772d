import { copyBytes } from '../../lib/bytes.ts'
import type { Query } from '../../serve/query.ts'
import { read16, write16, write32 } from '../../wire/bytes.ts'
import { Class, Flag, Type } from '../../wire/codes.ts'
import { compress } from '../../wire/compress.ts'
import { HEADER_SIZE, readFlags, Section, writeCount, writeFlags } from '../../wire/header.ts'
import { copyName, MAX_NAME, nameToText, skipName, textToName } from '../../wire/name.ts'
import { firstName, type Layout, layoutOf } from '../../wire/rdata.ts'
import { RECORD_FIXED, TTL_TO_RDATA, TYPE_TO_TTL } from '../../wire/record-layout.ts'
import { MAX_MESSAGE, readTtl, Records, scanRecords } from '../../wire/records.ts'
import { WireStatus } from '../../wire/status.ts'
import type { ResponseRule } from './response-rule.ts'

const MAX_TTL = 0x7fffffff
const POINTER = 0xc0
const POINTER_SIZE = 2
const MAX_POINTER = 0x3fff

/** In class CH, A is a name and a number (RFC 1034 §3.6). */
const chaosAddress: Layout = { before: 0, names: 1, after: 2, compressible: false, checked: true }

/** Types in whose data `answer value` changes the first name. */
const valueTypes: ReadonlySet<number> = new Set([
  Type.CNAME,
  Type.DNAME,
  Type.MX,
  Type.NAPTR,
  Type.NS,
  Type.PTR,
  Type.SOA,
  Type.SRV,
])

/** A message and where its records lie. */
export interface Scanned {
  readonly message: Buffer
  readonly records: Records
}

/** A CNAME record that leads elsewhere, and what is found there in place of all that followed. */
export interface Detour {
  /** Index of the record. */
  readonly at: number
  /** Its new target, in wire format. */
  readonly target: Uint8Array
  readonly found: Scanned
}

/** In place of an offset: a name became none, see `#problem`; the message is full. */
const BROKEN = -1
const FULL = -2

/**
 * Writes an answer anew, as its client is to have it: names mapped, each in full at first, since the
 * client's question has another length and every compression pointer would miss; then compressed again.
 * Takes 115 kB: one is enough.
 */
export class MessageWriter {
  /** With room for what the last record may be too long. */
  readonly #bytes: Buffer = Buffer.allocUnsafeSlow(MAX_MESSAGE + 4 * MAX_NAME)
  readonly #records = new Records()
  readonly #counts = new Uint16Array(Section.Additional + 1)
  #rules: readonly ResponseRule[] = []
  #mapsOwners = false
  #mapsValues = false
  /** What is being read. */
  #from: Buffer = this.#bytes
  /** The pointer that the last owner was, 0 for none, and where what became of it lies: RRsets share it. */
  #pointer = 0
  #mappedAt = 0
  #to = 0
  #isFull = false
  #problem: string | null = null

  /**
   * Writes the answer `from` to `q`, whose question is its client's by now, into `q.out`. Returns null, or
   * what is wrong: then `q.out` is as it was. Records beyond 65,535 octets are left out, with TC.
   */
  write(
    q: Query,
    from: Scanned,
    rules: readonly ResponseRule[],
    detour: Detour | null,
  ): string | null {
    const bytes = this.#bytes
    const records = this.#records
    const { question } = q
    copyBytes(from.message, 0, bytes, 0, HEADER_SIZE)
    copyBytes(q.wire, HEADER_SIZE, bytes, HEADER_SIZE, question.end - HEADER_SIZE)
    this.#to = question.end
    this.#counts.fill(0)
    this.#isFull = false
    this.#problem = null
    this.#read(from.message, rules)
    if (detour === null) this.#copyRecords(from.records, 0, from.records.count)
    else this.#copyAround(from.records, detour)
    if (this.#problem !== null) return this.#problem
    for (let section = Section.Answer; section <= Section.Additional; section++) {
      writeCount(bytes, section, this.#counts[section]!)
    }
    if (this.#isFull) writeFlags(bytes, readFlags(bytes) | Flag.TC)
    if (scanRecords(bytes, this.#to, question, records) !== WireStatus.Ok) {
      return 'reply cannot be parsed'
    }
    q.outLength = compress(bytes, records, question, q.out)
    q.records = records
    return null
  }

  #read(from: Buffer, rules: readonly ResponseRule[]): void {
    this.#from = from
    this.#pointer = 0
    this.#rules = rules
    this.#mapsOwners = rules.some(({ owner }) => owner !== null)
    this.#mapsValues = rules.some(({ value }) => value !== null)
  }

  #copyRecords(records: Records, start: number, end: number): void {
    const { answerCount, authorityCount } = records
    for (let i = start; i < end; i++) {
      const isAnswer = i < answerCount
      const isAuthority = !isAnswer && i < answerCount + authorityCount
      const section = isAnswer
        ? Section.Answer
        : isAuthority
          ? Section.Authority
          : Section.Additional
      if (!this.#copyRecord(records, i, section, null)) return
    }
  }

  /** The CNAME records up to the one that leads elsewhere, and what was found there as it came. */
  #copyAround(records: Records, { at, found, target }: Detour): void {
    for (let i = 0; i <= at; i++) {
      if (records.types[i] !== Type.CNAME) continue
      if (!this.#copyRecord(records, i, Section.Answer, i === at ? target : null)) return
    }
    this.#read(found.message, [])
    this.#copyRecords(found.records, 0, found.records.answerCount + found.records.authorityCount)
  }

  /** False where there is no use in going on. */
  #copyRecord(records: Records, i: number, section: number, target: Uint8Array | null): boolean {
    const ttlAt = records.ttlAt[i]!
    const fixed = this.#owner(records.starts[i]!, this.#to)
    if (fixed === BROKEN) return false
    const dataAt = fixed + RECORD_FIXED
    copyBytes(this.#from, ttlAt - TYPE_TO_TTL, this.#bytes, fixed, TYPE_TO_TTL)
    write32(this.#bytes, fixed + TYPE_TO_TTL, this.#ttl(readTtl(this.#from, ttlAt)))
    const end =
      target === null
        ? this.#data(records.types[i]!, ttlAt + TTL_TO_RDATA, records.ends[i]!, dataAt)
        : this.#mapped(target, 0, false, dataAt)
    if (end === BROKEN) return false
    if (end === FULL || end > MAX_MESSAGE) {
      this.#isFull = true
      return false
    }
    write16(this.#bytes, dataAt - 2, end - dataAt)
    this.#counts[section]!++
    this.#to = end
    return true
  }

  #owner(at: number, to: number): number {
    const pointer = this.#from[at]! >= POINTER ? read16(this.#from, at) : 0
    if (pointer !== 0 && pointer === this.#pointer) {
      write16(this.#bytes, to, (POINTER << 8) | this.#mappedAt)
      return to + POINTER_SIZE
    }
    const end = this.#mapped(this.#from, at, true, to)
    // What stands further on cannot be pointed at.
    this.#pointer = to <= MAX_POINTER ? pointer : 0
    this.#mappedAt = to
    return end
  }

  /** Writes a name as the rules map it. */
  #mapped(b: Uint8Array, at: number, isOwner: boolean, to: number): number {
    if (!(isOwner ? this.#mapsOwners : this.#mapsValues)) return copyName(b, at, this.#bytes, to)
    const name = nameToText(b, at, b.length)!
    let mapped = name
    for (let i = this.#rules.length - 1; i >= 0; i--) {
      const { owner, value } = this.#rules[i]!
      mapped = (isOwner ? owner : value)?.map(mapped) ?? mapped
    }
    if (mapped === name) return copyName(b, at, this.#bytes, to)
    const end = textToName(mapped, this.#bytes, to)
    if (end < 0) this.#problem = `invalid name after rewrite: ${mapped}`
    return end
  }

  #ttl(ttl: number): number {
    let seconds = ttl
    for (let i = this.#rules.length - 1; i >= 0; i--) seconds = ttlBy(this.#rules[i]!, seconds)
    return seconds
  }

  /** Writes the data `[at..end)` of a record, with its names in full. */
  #data(type: number, at: number, end: number, to: number): number {
    const b = this.#from
    const isAddress = type === Type.A
    const layout =
      isAddress && read16(b, at - RECORD_FIXED + 2) === Class.CH ? chaosAddress : layoutOf(type)
    let name = layout === null || !layout.checked ? -1 : firstName(b, layout, at, end)
    if (name < 0) return this.#copy(at, end, to)
    let next = this.#copy(at, name, to)
    for (let i = 0; i < layout!.names && next >= 0; i++) {
      const after = skipName(b, name, end)
      // Data that nobody has checked.
      if (after < 0) break
      next =
        i === 0 && valueTypes.has(type)
          ? this.#mapped(b, name, false, next)
          : copyName(b, name, this.#bytes, next)
      name = after
    }
    return next < 0 ? next : this.#copy(name, end, next)
  }

  #copy(at: number, end: number, to: number): number {
    const size = end - at
    if (to + size > MAX_MESSAGE) return FULL
    copyBytes(this.#from, at, this.#bytes, to, size)
    return to + size
  }
}

/** The TTL that a rule makes of one, in seconds. Those with the top bit set would count as 0 (RFC 2181 §8). */
export function ttlBy({ ttl }: ResponseRule, seconds: number): number {
  return ttl === null ? seconds : Math.min(Math.max(seconds, ttl.min), ttl.max, MAX_TTL)
}
