import { lowerCase, read16, write16 } from './bytes.ts'
import { Class, Type } from './codes.ts'
import { HEADER_SIZE } from './header.ts'
import { NameTree } from './name-tree.ts'
import { skipName } from './name.ts'
import type { Question } from './question.ts'
import { firstName, type Layout, layoutOf } from './rdata.ts'
import { RECORD_FIXED } from './record-layout.ts'
import {
  leaveOutOpts,
  MAX_MESSAGE,
  MAX_RECORDS,
  type Records,
  stripOpt,
  writeCounts,
} from './records.ts'

/** Below this many octets a loop is cheaper than the call into the runtime. */
const LOOP_LIMIT = 24
/** A pointer takes two octets, the root one: no name of so few gets any shorter. */
const POINTER_SIZE = 2
const ROOT_SIZE = 1
/** CoreDNS compresses nothing that fits 512 octets, OPT included. */
const SMALL = 480
const POINTER = 0xc0
/** Octets from a record's TTL to its data, and from its type to its class. */
const TTL_TO_RDATA = 6
const TYPE_TO_CLASS = 2
/** `ends` and `ttlAt` of a record, from the offset of its type. */
const TYPE_TO_TTL = 4
const TYPE_TO_SIZE = 8

/** Made when first needed: its tables take 150 kB, and many upstreams compress. */
let writer: MessageWriter | null = null

/**
 * Writes a scanned message without its OPT records into `out` (65,535 octets long, and another buffer)
 * as short as its names allow, and returns its length; `records` then describes what is written. The
 * counts in the header of `b` follow.
 *
 *   question  www.example.com          ┐ stands where it stood
 *   answer    www.example.com  A …     │ owner ▸ pointer to the question
 *             www.example.com  A …     │ the same
 *   authority example.com  NS  ns1.…   ┘ owner ▸ pointer, name in the data: `ns1` ▸ pointer
 *
 * Servers may send names in full: CoreDNS does wherever that fits, which over TCP it always does.
 * Compressed are owner names, and names in data of the types of RFC 1035 (RFC 3597 §4); names in other
 * data that came compressed are written in full, as CoreDNS does, since not every client reads them.
 * Every name written can be pointed at. The result is as short as CoreDNS's, and longer than the
 * message only where such a name had to be written in full; otherwise the message is left as it came.
 *
 * A miss must not pay for what most servers have done already: replies that have nothing to gain, and
 * small ones that are compressed, are recognised at a glance; those whose owners all are the question's
 * name need no `NameTree`.
 */
export function compress(b: Buffer, records: Records, question: Question, out: Buffer): number {
  const { optAt, count } = records
  if (optAt >= 0 && optAt < count - 1) return rewrite(b, records, question, out)
  stripOpt(b, records)
  if (isTerse(records) || isSmallAndCompressed(b, records)) {
    b.copy(out, 0, 0, records.end)
    return records.end
  }
  return rewrite(b, records, question, out)
}

function rewrite(b: Buffer, records: Records, question: Question, out: Buffer): number {
  writer ??= new MessageWriter()
  return writer.write(b, records, question, out, false)
}

/**
 * As `compress()`, for a message that has to be written anew: `records` lists its records in another order
 * than they stand in, section by section. Returns −1, and changes nothing but `out`, where that is too long.
 */
export function compressInOrder(
  b: Buffer,
  records: Records,
  question: Question,
  out: Buffer,
): number {
  writer ??= new MessageWriter()
  return writer.write(b, records, question, out, true)
}

/** Whether no name of the message can get any shorter. */
function isTerse(records: Records): boolean {
  const { count, starts, ttlAt, types, ends } = records
  for (let i = 0; i < count; i++) {
    const ttl = ttlAt[i]!
    if (ttl - TYPE_TO_TTL - starts[i]! > POINTER_SIZE) return false
    const layout = layoutOf(types[i]!)
    // A pointer alone may have to be written in full.
    const least = layout === null || layout.compressible ? POINTER_SIZE : ROOT_SIZE
    if (layout !== null && ends[i]! - ttl - TTL_TO_RDATA > least) return false
  }
  return true
}

/** Octets of the names that `skipPointed` went over, in full. */
let sizeInFull = 0

/**
 * Whether every name ends in a pointer, and the message is so small that CoreDNS would send it in full.
 * Names in data that must not be compressed are for the writer to judge.
 */
function isSmallAndCompressed(b: Buffer, records: Records): boolean {
  const { count, starts, types, ttlAt, ends, end } = records
  sizeInFull = end
  for (let i = 0; i < count && sizeInFull <= SMALL; i++) {
    if (skipPointed(b, starts[i]!) < 0) return false
    const layout = layoutOf(types[i]!)
    if (layout === null) continue
    if (!layout.compressible) return false
    let name = firstName(b, layout, ttlAt[i]! + TTL_TO_RDATA, ends[i]!)
    for (let n = 0; n < layout.names && name >= 0; n++) name = skipPointed(b, name)
    if (name < 0) return false
  }
  return sizeInFull <= SMALL
}

/** The offset after a sound name that ends in a pointer, or is the root; −1 after any other. */
function skipPointed(b: Buffer, offset: number): number {
  let at = offset
  let end = -1
  for (;;) {
    const size = b[at]!
    if (size >= POINTER) {
      if (end < 0) end = at + POINTER_SIZE
      at = ((size & 0x3f) << 8) | b[at + 1]!
      continue
    }
    if (size === 0) return end < 0 && at === offset ? at + 1 : end
    sizeInFull += size + 1
    at += size + 1
  }
}

/** Writes one message at a time; what belongs to it stands in the fields, so nothing is allocated. */
class MessageWriter {
  readonly #tree = new NameTree()
  /** The records as they are written, until it is certain that they count. */
  readonly #ttlAt = new Uint16Array(MAX_RECORDS)
  readonly #ends = new Uint16Array(MAX_RECORDS)
  #b: Buffer = Buffer.alloc(0)
  #out: Buffer = this.#b
  #question: Question | null = null
  /** Whether the tree has begun with this message. */
  #planted = false
  /** Whether a name came compressed that must not be. */
  #spread = false

  /** @param anew whether the message as it came will not do */
  write(b: Buffer, records: Records, question: Question, out: Buffer, anew: boolean): number {
    this.#b = b
    this.#out = out
    this.#question = question
    this.#planted = false
    this.#spread = false
    const length = this.#writeRecords(records)
    const hasGap = records.optAt >= 0
    if (length < 0 && anew) return -1
    if (!anew && (length < 0 || (length >= records.end && !this.#spread && !hasGap))) {
      stripOpt(b, records)
      b.copy(out, 0, 0, records.end)
      return records.end
    }
    if (hasGap) leaveOutOpts(b, records)
    writeCounts(out, records)
    let start = question.end
    for (let i = 0; i < records.count; i++) {
      records.starts[i] = start
      records.ttlAt[i] = this.#ttlAt[i]!
      records.ends[i] = start = this.#ends[i]!
    }
    records.end = length
    return length
  }

  /** Returns the end of the new message, −1 where it cannot be written. */
  #writeRecords(records: Records): number {
    const b = this.#b
    let to = this.#copy(0, this.#question!.end, 0)
    let written = 0
    for (let i = 0; i < records.count; i++) {
      const typeAt = records.ttlAt[i]! - TYPE_TO_TTL
      const type = records.types[i]!
      if (type === Type.OPT) continue
      const dataAt = typeAt + RECORD_FIXED
      const end = records.ends[i]!
      // In class CH, A is a name and a number (RFC 1034 §3.6): nothing that anybody compresses.
      if (type === Type.A && read16(b, typeAt + TYPE_TO_CLASS) !== Class.IN) return -1
      const fixed = this.#writeOwner(records.starts[i]!, typeAt, to)
      if (fixed < 0 || fixed + RECORD_FIXED > MAX_MESSAGE) return -1
      const layout = layoutOf(type)
      if (layout === null) to = this.#copy(typeAt, end, fixed)
      else {
        to = this.#writeData(layout, dataAt, end, this.#copy(typeAt, dataAt, fixed))
        if (to >= 0) write16(this.#out, fixed + TYPE_TO_SIZE, to - fixed - RECORD_FIXED)
      }
      if (to < 0) return -1
      this.#ttlAt[written] = fixed + TYPE_TO_TTL
      this.#ends[written++] = to
    }
    return to
  }

  #writeOwner(at: number, end: number, to: number): number {
    if (!this.#isQuestionName(at, end)) return this.#writeName(at, to, false)
    if (to + POINTER_SIZE > MAX_MESSAGE) return -1
    this.#out[to] = POINTER
    this.#out[to + 1] = HEADER_SIZE
    return to + POINTER_SIZE
  }

  /** Whether an owner is the question's name, the root aside, as seen without the tree. */
  #isQuestionName(at: number, end: number): boolean {
    const b = this.#b
    const { labelCount, nameEnd } = this.#question!
    const size = end - at
    if (labelCount === 0) return false
    if (size === POINTER_SIZE) return b[at] === POINTER && b[at + 1] === HEADER_SIZE
    if (size !== nameEnd - HEADER_SIZE) return false
    const shift = HEADER_SIZE - at
    for (let i = at; i < end; i++) {
      const left = b[i]!
      const right = b[i + shift]!
      if (left !== right && lowerCase[left] !== lowerCase[right]) return false
    }
    return true
  }

  #writeName(at: number, to: number, inFull: boolean): number {
    if (!this.#planted) this.#tree.begin(this.#b, this.#question!)
    this.#planted = true
    return this.#tree.write(at, this.#out, to, MAX_MESSAGE, inFull)
  }

  #writeData(layout: Layout, at: number, end: number, to: number): number {
    const b = this.#b
    let name = firstName(b, layout, at, end)
    if (name < 0) return this.#copy(at, end, to)
    let next = this.#copy(at, name, to)
    for (let i = 0; i < layout.names && next >= 0; i++) {
      const nameEnd = skipName(b, name, end)
      // Data that nobody has checked.
      if (nameEnd < 0) break
      const start = next
      next = this.#writeName(name, start, !layout.compressible)
      if (!layout.compressible && next - start > nameEnd - name) this.#spread = true
      name = nameEnd
    }
    return next < 0 ? -1 : this.#copy(name, end, next)
  }

  /** Copies `[at..end)` to `to` and returns the end there; −1 where it does not fit. */
  #copy(at: number, end: number, to: number): number {
    const size = end - at
    if (to + size > MAX_MESSAGE) return -1
    if (size > LOOP_LIMIT) this.#b.copy(this.#out, to, at, end)
    else for (let i = 0; i < size; i++) this.#out[to + i] = this.#b[at + i]!
    return to + size
  }
}
