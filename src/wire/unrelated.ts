import { Class, Type } from './codes.ts'
import { HEADER_SIZE } from './header.ts'
import { isBelow, sameName } from './name.ts'
import type { Question } from './question.ts'
import { leaveOutRecord, MAX_RECORDS, type Records } from './records.ts'

/** More names than this on the way from the question to its answer are a loop, or not honest. */
const MAX_NAMES = 64

/** Octets from a record's TTL to its data. */
const TTL_TO_RDATA = 6
const POINTER = 0xc0

/** Offsets of the names that the question leads to, the question's first. Scratch, as the next two. */
const names = new Uint16Array(MAX_NAMES)
/** 1 where all below the name is led to as well: the target of a DNAME. */
const withBelow = new Uint8Array(MAX_NAMES)
/** 1 for each answer that is at one of the names. */
const related = new Uint8Array(MAX_RECORDS)

/**
 * Marks those answers of a scanned reply to be left out by `compress` that stand at names to which the
 * question does not lead, by way of CNAMEs and DNAMEs: who answers may not speak of anything else (RFC 2181
 * §5.4.1), and clients may believe it. Signatures stand where their records do. Where nothing is at the
 * question's own name, nothing is left out: a server that rewrites questions (`rewrite` of CoreDNS) answers
 * like that, and its clients get such answers from CoreDNS. They are never stored. At most 64 names are
 * looked for.
 */
export function leaveOutUnrelated(b: Uint8Array, question: Question, records: Records): void {
  const { answerCount, starts } = records
  let i = 0
  while (i < answerCount && isQuestionName(b, starts[i]!)) i++
  if (i === answerCount || question.class !== Class.IN) return
  const found = findRelated(b, records)
  if (found === 0 || found === answerCount) return
  for (i = answerCount - 1; i >= 0; i--) if (related[i] === 0) leaveOutRecord(records, i)
}

function isQuestionName(b: Uint8Array, at: number): boolean {
  if (b[at] === POINTER && b[at + 1] === HEADER_SIZE) return true
  return sameName(b, at, b, HEADER_SIZE)
}

/** Fills `related` and returns how many answers are. */
function findRelated(b: Uint8Array, records: Records): number {
  const { answerCount } = records
  related.fill(0, 0, answerCount)
  names[0] = HEADER_SIZE
  withBelow[0] = 0
  let count = 1
  let found = 0
  for (let n = 0; n < count && found < answerCount; n++) {
    for (let i = 0; i < answerCount; i++) {
      if (related[i] !== 0 || !isLedTo(b, records, i, n)) continue
      related[i] = 1
      found++
      const type = records.types[i]!
      const target = records.ttlAt[i]! + TTL_TO_RDATA
      if (type === Type.CNAME) count = add(b, count, target, 0)
      else if (type === Type.DNAME && leadsOn(b, records, i, n)) {
        count = add(b, count, target, 1)
        // Its signature.
        count = add(b, count, records.starts[i]!, 0)
      }
    }
  }
  return found
}

/** Whether answer `i` belongs to the name `n`. */
function isLedTo(b: Uint8Array, records: Records, i: number, n: number): boolean {
  const owner = records.starts[i]!
  const name = names[n]!
  if (sameName(b, owner, b, name)) return true
  if (withBelow[n] === 1 && isBelow(b, owner, name)) return true
  return records.types[i] === Type.DNAME && isBelow(b, name, owner)
}

/** Whether DNAME `i` leads on from the name `n`: it says nothing of its own name (RFC 6672 §2.3). */
function leadsOn(b: Uint8Array, records: Records, i: number, n: number): boolean {
  return withBelow[n] === 1 || !sameName(b, records.starts[i]!, b, names[n]!)
}

/** Adds a name that is not there yet; returns how many there are. */
function add(b: Uint8Array, count: number, name: number, below: number): number {
  if (count === MAX_NAMES) return count
  for (let n = 0; n < count; n++) {
    if (withBelow[n] === below && sameName(b, names[n]!, b, name)) return count
  }
  names[count] = name
  withBelow[count] = below
  return count + 1
}
