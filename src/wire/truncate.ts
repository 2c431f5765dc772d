import { Flag, Rcode, Type } from './codes.ts'
import { readFlags, Section, writeCount, writeFlags } from './header.ts'
import type { Question } from './question.ts'
import type { Records } from './records.ts'

/**
 * Shortens a scanned message to at most `limit` octets by leaving out whole records from the back:
 * additional, then authority, then answer. Counts follow; TC is set only where the client misses
 * something it asked for. Returns the new length, which is never less than header and question.
 * Leave room in `limit` for an OPT record to be added. `records` still describes the whole message.
 */
export function truncate(
  b: Uint8Array,
  _length: number,
  records: Records,
  question: Question,
  limit: number,
): number {
  if (records.end <= limit) return records.end
  let kept = records.count
  while (kept > 0 && records.ends[kept - 1]! > limit) kept--
  const answers = Math.min(kept, records.answerCount)
  const authorities = Math.min(kept - answers, records.authorityCount)
  writeCount(b, Section.Answer, answers)
  writeCount(b, Section.Authority, authorities)
  writeCount(b, Section.Additional, kept - answers - authorities)
  if (isMissed(records, kept)) writeFlags(b, readFlags(b) | Flag.TC)
  return kept > 0 ? records.ends[kept - 1]! : question.end
}

/**
 * Whether the records from index `kept` on hold part of the answer itself (RFC 2181 §9): answers;
 * where there are none, or the name does not exist, the authority section, which then is the answer;
 * the denial of existence a validator needs beside a wildcard answer (RFC 4035 §3.1.3).
 */
function isMissed(records: Records, kept: number): boolean {
  if (kept < records.answerCount) return true
  const end = records.answerCount + records.authorityCount
  if (records.answerCount === 0 || records.rcode === Rcode.NXDomain) return kept < end
  for (let i = kept; i < end; i++) {
    if (records.types[i] === Type.NSEC || records.types[i] === Type.NSEC3) return true
  }
  return false
}
