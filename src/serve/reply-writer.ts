import { write16, write32 } from '../wire/bytes.ts'
import { Class, Flag, Rcode } from '../wire/codes.ts'
import { OPT_SIZE } from '../wire/edns.ts'
import { HEADER_SIZE, readCount, type Section, writeCount } from '../wire/header.ts'
import { RECORD_FIXED } from '../wire/record-layout.ts'
import { MAX_MESSAGE } from '../wire/records.ts'
import { writeFailure } from '../wire/reply.ts'
import { Outcome, type Query } from './query.ts'

/** A compression pointer to the question's name. */
const QUESTION_NAME = 0xc000 | HEADER_SIZE

/**
 * Begins an answer of our own: header with AA, and the question. `q.outLength` is where the next record
 * goes. Whoever asks something before the answer is sent has to begin anew.
 *
 * @param flags of the header; 0 for plugins whose answers are without AA in CoreDNS
 */
export function beginReply(q: Query, rcode: number = Rcode.NoError, flags: number = Flag.AA): void {
  const out = q.reserve()
  q.outLength = writeFailure(out, q.wire, q.flags, q.question, rcode, flags)
}

/**
 * Adds a record; those of a section have to come one after the other, sections in their order. Returns
 * false, with nothing written, where the message has no room for it.
 *
 * @param owner a name in wire format, uncompressed; null for the name that was asked for
 * @param ttl seconds
 * @param data the record's data, names in it uncompressed
 */
export function addRecord(
  q: Query,
  section: Section,
  owner: Uint8Array | null,
  type: number,
  ttl: number,
  data: Uint8Array,
  cls: number = Class.IN,
): boolean {
  const { out } = q
  const nameSize = owner === null ? 2 : owner.length
  const fixed = q.outLength + nameSize
  const rdata = fixed + RECORD_FIXED
  if (rdata + data.length > MAX_MESSAGE - OPT_SIZE) return false
  if (owner === null) write16(out, q.outLength, QUESTION_NAME)
  else out.set(owner, q.outLength)
  write16(out, fixed, type)
  write16(out, fixed + 2, cls)
  write32(out, fixed + 4, ttl)
  write16(out, fixed + 8, data.length)
  out.set(data, rdata)
  writeCount(out, section, readCount(out, section) + 1)
  q.outLength = rdata + data.length
  return true
}

/** The answer is complete: call `done` now. */
export function endReply(q: Query, answeredBy: string): void {
  q.outcome = Outcome.Message
  q.answeredBy = answeredBy
}
