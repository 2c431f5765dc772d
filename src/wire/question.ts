import { lowerCase, read16 } from './bytes.ts'
import { Flag } from './codes.ts'
import { HEADER_SIZE, readCount, readFlags, Section } from './header.ts'
import { MAX_LABEL, MAX_NAME, nameToText } from './name.ts'
import { WireStatus } from './status.ts'

/** Octets of a question behind its name (RFC 1035 §4.1.2). */
export const TYPE_AND_CLASS = 4
/** Where the longest question ends: octets of a message that has nothing else. */
export const MAX_QUESTION_END: number = HEADER_SIZE + MAX_NAME + TYPE_AND_CLASS

/**
 * Where the question of a message lies. Offsets count from the message's start: 12 … 271; an `end` of
 * 0 says that there is no question to be read.
 */
export class Question {
  /** Offset after the name's root octet: where the type begins. */
  nameEnd = 0
  /** Offset after the class: where the answer section begins. */
  end = 0
  type = 0
  class = 0
  /** Labels of the name, root excluded: 0 … 127. */
  labelCount = 0
  /** Offset of each label, leftmost first; `labels[labelCount]` is that of the root. */
  readonly labels: Uint16Array = new Uint16Array(128)

  assign(o: Question): void {
    this.nameEnd = o.nameEnd
    this.end = o.end
    this.type = o.type
    this.class = o.class
    this.labelCount = o.labelCount
    for (let i = 0; i <= o.labelCount; i++) this.labels[i] = o.labels[i]!
  }

  /** Says that there is no question. */
  clear(): void {
    this.nameEnd = this.end = this.type = this.class = this.labelCount = 0
  }
}

/**
 * Reads the single question at offset 12. FormErr where it is cut off or its name is compressed
 * (there is nothing before it to point at), has a label over 63 or more than 255 octets; ServFail
 * where the message is a header and nothing else. `question` is filled only where the result is Ok.
 */
export function parseQuestion(b: Uint8Array, length: number, question: Question): WireStatus {
  if (length === HEADER_SIZE) return WireStatus.ServFail
  const labels = question.labels
  const limit = Math.min(length, HEADER_SIZE + MAX_NAME)
  let at = HEADER_SIZE
  let count = 0
  for (;;) {
    if (at >= limit) return WireStatus.FormErr
    labels[count] = at
    const size = b[at]!
    if (size === 0) break
    const next = at + 1 + size
    if (size > MAX_LABEL || next >= limit) return WireStatus.FormErr
    at = next
    count++
  }
  const nameEnd = at + 1
  if (nameEnd + 4 > length) return WireStatus.FormErr
  question.nameEnd = nameEnd
  question.end = nameEnd + 4
  question.type = read16(b, nameEnd)
  question.class = read16(b, nameEnd + 2)
  question.labelCount = count
  return WireStatus.Ok
}

/** Whether two parsed questions ask the same: name but for ASCII case, type and class. */
export function questionEquals(a: Uint8Array, aq: Question, b: Uint8Array, bq: Question): boolean {
  return aq.end === bq.end && sameQuestion(a, b, bq)
}

/**
 * Whether a message is a reply (QR, one question) that echoes the question of `query`. The reply
 * needs no parsing first; once true, `q` describes its question too.
 */
export function echoesQuestion(
  reply: Uint8Array,
  length: number,
  query: Uint8Array,
  q: Question,
): boolean {
  return (
    length >= q.end &&
    (readFlags(reply) & Flag.QR) !== 0 &&
    readCount(reply, Section.Question) === 1 &&
    sameQuestion(reply, query, q)
  )
}

/** Compares octets up to the end of `q`: a sound name cannot equal a broken one. */
function sameQuestion(a: Uint8Array, b: Uint8Array, q: Question): boolean {
  for (let i = HEADER_SIZE; i < q.nameEnd; i++) {
    const left = a[i]!
    const right = b[i]!
    if (left !== right && lowerCase[left] !== lowerCase[right]) return false
  }
  return read16(a, q.nameEnd) === q.type && read16(a, q.nameEnd + 2) === q.class
}

/**
 * The name of a parsed question in presentation form with its final dot, lower-cased on demand; '.'
 * where there is no question.
 */
export function nameText(b: Uint8Array, q: Question, lower = false): string {
  return nameToText(b, HEADER_SIZE, q.end, lower) ?? '.'
}
