import { read16 } from './bytes.ts'
import { Flag, Rcode, Type } from './codes.ts'
import { readFlags, Section, writeCount, writeFlags } from './header.ts'
import { sameName } from './name.ts'
import type { Question } from './question.ts'
import type { Records } from './records.ts'

/** Octets from a record's TTL back to its class. */
const TTL_TO_CLASS = 2

/**
 * Shortens a scanned message to at most `limit` octets by leaving out whole records from the back:
 * additional, then authority, then answer. Counts follow; TC is set only where the client misses
 * something it asked for, or an RRset is left in parts (RFC 2181 §9: what is complete may stand without
 * the rest, but a part of an RRset must not pass for the whole; without that part there would be fewer
 * records than CoreDNS sends). Returns the new length,
 * which is never less than header and question. Leave room in `limit` for an OPT record to be added.
 * `records` still describes the whole message.
 */
export function truncate(
  b: Uint8Array,
  records: Records,
  question: Question,
  limit: number,
): number {
  if (records.end <= limit) return records.end
  let kept = records.count
  while (kept > 0 && records.ends[kept - 1]! > limit) kept--
  if (isMissed(records, kept) || splitsRrset(b, records, kept)) {
    writeFlags(b, readFlags(b) | Flag.TC)
  }
  const answers = Math.min(kept, records.answerCount)
  const authorities = Math.min(kept - answers, records.authorityCount)
  writeCount(b, Section.Answer, answers)
  writeCount(b, Section.Authority, authorities)
  writeCount(b, Section.Additional, kept - answers - authorities)
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

/**
 * Whether an RRset of the authority or additional section has its last kept record right before
 * index `kept` and its first lost one there. RRsets that a server did not write in one piece are
 * beyond help.
 */
function splitsRrset(b: Uint8Array, records: Records, kept: number): boolean {
  const authorityEnd = records.answerCount + records.authorityCount
  if (kept === records.answerCount || kept === authorityEnd) return false
  if (records.types[kept - 1] !== records.types[kept]) return false
  const classAt = records.ttlAt[kept]! - TTL_TO_CLASS
  const classBefore = records.ttlAt[kept - 1]! - TTL_TO_CLASS
  return (
    read16(b, classBefore) === read16(b, classAt) &&
    sameName(b, records.starts[kept - 1]!, b, records.starts[kept]!)
  )
}
