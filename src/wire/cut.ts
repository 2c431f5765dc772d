import { read16 } from './bytes.ts'
import { Flag, Type } from './codes.ts'
import { RECORD_FIXED } from './edns.ts'
import { readCount, readFlags, Section, writeCount, writeFlags } from './header.ts'
import { MAX_LABEL, MAX_NAME, skipName } from './name.ts'
import type { Question } from './question.ts'

/**
 * Makes a truncated reply of one that was cut without saying so: one that ends before its counts do,
 * inside a record or between two. Hardly any is: it is looked for where reading the records has failed.
 * It gets TC, and the counts of its whole records; an OPT record that
 * wrong counts put into the wrong section ends them. Returns their end; −1, with nothing changed, where
 * the message is not cut: it is whole, or broken otherwise.
 */
export function markCut(b: Uint8Array, length: number, question: Question): number {
  const answers = readCount(b, Section.Answer)
  const data = answers + readCount(b, Section.Authority)
  const total = data + readCount(b, Section.Additional)
  let at = question.end
  let end = at
  let kept = 0
  let misplaced = false
  let seen = 0
  for (; seen < total; seen++) {
    const fixed = skipName(b, at, length)
    if (fixed < 0 && !endsInName(b, at, length)) return -1
    const rdata = fixed + RECORD_FIXED
    if (fixed < 0 || rdata > length) break
    at = rdata + read16(b, fixed + 8)
    if (at > length) break
    if (seen < data && read16(b, fixed) === Type.OPT) misplaced = true
    if (misplaced) continue
    end = at
    kept++
  }
  if (seen === total) return -1
  writeFlags(b, readFlags(b) | Flag.TC)
  writeCount(b, Section.Answer, Math.min(kept, answers))
  writeCount(b, Section.Authority, Math.max(0, Math.min(kept, data) - answers))
  writeCount(b, Section.Additional, Math.max(0, kept - data))
  return end
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
