import { read16 } from './bytes.ts'
import { Flag, Type } from './codes.ts'
import { readCount, readFlags, Section, writeCount, writeFlags } from './header.ts'
import { MAX_LABEL, MAX_NAME, skipName } from './name.ts'
import type { Question } from './question.ts'
import { RECORD_FIXED } from './record-layout.ts'

/** A reply with fewer records than it counts: what is left of it. */
export interface Rest {
  /** Where its whole records end. */
  readonly end: number
  /**
   * Whether it may be given as it is: it ends behind a record, and a datagram has all records of its
   * answer, or of a denial. Servers copy ARCOUNT from the query (1 for its OPT) and write no record, and
   * those of RFC 2181 §9 leave out what nobody needs.
   */
  readonly complete: boolean
}

/**
 * Gives a reply that ends before its counts do, inside a record or between two, the counts of its whole
 * records; an OPT record that wrong counts put into the wrong section ends them. Hardly any is such a
 * one: it is looked for where reading the records has failed. One that ends inside a record gets TC.
 * Behind a whole one nobody can tell whether a datagram was cut or is what its server has to say, which
 * CoreDNS takes it for; over a stream it is that. Returns null, with nothing changed, where the message is
 * whole, or broken otherwise.
 */
export function fitCounts(
  b: Uint8Array,
  length: number,
  question: Question,
  datagram: boolean,
): Rest | null {
  const answers = readCount(b, Section.Answer)
  const data = answers + readCount(b, Section.Authority)
  const total = data + readCount(b, Section.Additional)
  let at = question.end
  let end = at
  let kept = 0
  let misplaced = false
  let seen = 0
  for (; seen < total && at < length; seen++) {
    const fixed = skipName(b, at, length)
    if (fixed < 0 && !endsInName(b, at, length)) return null
    const rdata = fixed + RECORD_FIXED
    if (fixed < 0 || rdata > length) break
    const next = rdata + read16(b, fixed + 8)
    if (next > length) break
    at = next
    if (seen < data && read16(b, fixed) === Type.OPT) misplaced = true
    if (misplaced) continue
    end = at
    kept++
  }
  if (seen === total) return null
  if (at < length) writeFlags(b, readFlags(b) | Flag.TC)
  writeCount(b, Section.Answer, Math.min(kept, answers))
  writeCount(b, Section.Authority, Math.max(0, Math.min(kept, data) - answers))
  writeCount(b, Section.Additional, Math.max(0, kept - data))
  const needed = answers > 0 ? answers : data
  const complete = at === length && (!datagram || (seen >= needed && !misplaced))
  return { end, complete }
}

/** Whether the message ends in or before the name at `offset`, as far as that is one. */
function endsInName(b: Uint8Array, offset: number, length: number): boolean {
  let at = offset
  while (at < length) {
    const octet = b[at]!
    if (octet > MAX_LABEL) return octet >= 0xc0 && at + 1 >= length
    if (octet === 0 || at - offset >= MAX_NAME) return false
    at += octet + 1
  }
  return true
}
