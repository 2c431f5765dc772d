import { Rcode, RCODE_MASK } from '../wire/codes.ts'
import { readFlags } from '../wire/header.ts'
import type { Question } from '../wire/question.ts'
import { NO_TTL, Records, scanRecords } from '../wire/records.ts'
import { WireStatus } from '../wire/status.ts'

/** As in CoreDNS: of a reply without records, or that says nothing about a name. */
const WITHOUT_TTL = 5
const LONGEST = 3_600

/** Scratch: serving is synchronous. */
const records = new Records()

/** Seconds that an HTTP cache may keep a reply (RFC 8484 §5.1): its smallest TTL, an hour at most. */
export function maxAge(reply: Buffer, length: number, question: Question): number {
  const rcode = readFlags(reply) & RCODE_MASK
  if (question.end === 0 || (rcode !== Rcode.NoError && rcode !== Rcode.NXDomain)) {
    return WITHOUT_TTL
  }
  if (scanRecords(reply, length, question, records) !== WireStatus.Ok) return WITHOUT_TTL
  return records.minTtl === NO_TTL ? WITHOUT_TTL : Math.min(records.minTtl, LONGEST)
}
