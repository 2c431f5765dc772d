import { read16, read32 } from './bytes.ts'
import { Type } from './codes.ts'
import { BAD_OPTIONS, findEde, hasDnssecOk } from './edns.ts'
import { rcodeOf, readCount, readFlags, Section, writeCount } from './header.ts'
import { skipName } from './name.ts'
import type { Question } from './question.ts'
import { isSoundData } from './rdata.ts'
import { RECORD_FIXED } from './record-layout.ts'
import { WireStatus } from './status.ts'

/** A record takes at least 11 octets, so 65,535 hold fewer than this. */
export const MAX_RECORDS = 6000
/** Octets of the longest message (RFC 1035 §4.2.2). */
export const MAX_MESSAGE = 0xffff

/** `minTtl` of a message without records. */
export const NO_TTL = 0xffffffff

/** Where the records of one message lie, filled by `scanRecords`. About 50 kB: keep one, reuse it. */
export class Records {
  /** Records in all sections, OPT included: indices 0 … count − 1 in message order. */
  count = 0
  answerCount = 0
  authorityCount = 0
  additionalCount = 0
  /** Offset of each record's name. */
  readonly starts: Uint16Array = new Uint16Array(MAX_RECORDS)
  readonly types: Uint16Array = new Uint16Array(MAX_RECORDS)
  /** Offset of each record's TTL; its data begins 6 octets later. */
  readonly ttlAt: Uint16Array = new Uint16Array(MAX_RECORDS)
  /** Offset after each record. */
  readonly ends: Uint16Array = new Uint16Array(MAX_RECORDS)
  /** Index of the first OPT record, in whatever section, or −1. */
  optAt = -1
  /** Smallest TTL in seconds, OPT aside; NO_TTL where there is none. */
  minTtl: number = NO_TTL
  /** min(SOA TTL, SOA MINIMUM) of the authority section in seconds (RFC 2308 §5), or −1. */
  soaNegativeTtl = -1
  /** Whether a TTL has its top bit set, and counts as 0 (RFC 2181 §8). */
  hasNegativeTtl = false
  hasAuthoritySoa = false
  hasAuthorityNs = false
  hasRrsig = false
  /** Upper eight bits of the rcode, from OPT. */
  extendedRcode = 0
  /** The whole rcode: header and OPT. */
  rcode = 0
  /** DO as the OPT of the reply has it. */
  dnssecOk = false
  /** Code of the first extended DNS error, or −1. */
  ede = -1
  /** Where the options of the OPT record that counts lie; both 0 where there is none. */
  optionsAt = 0
  optionsEnd = 0
  /** Offset after the last record; what follows is not part of the message. */
  end = 0

  clear(): void {
    this.count = this.answerCount = this.authorityCount = this.additionalCount = 0
    this.optAt = this.soaNegativeTtl = this.ede = -1
    this.minTtl = NO_TTL
    this.hasNegativeTtl = false
    this.hasAuthoritySoa = this.hasAuthorityNs = this.hasRrsig = this.dnssecOk = false
    this.extendedRcode = this.rcode = this.end = this.optionsAt = this.optionsEnd = 0
  }
}

/**
 * Walks every record of a reply once. FormErr where one is missing, cut off, has a broken name (in
 * its data too, see `isSoundData`) or data of the wrong size, or the message is too long. Of several
 * OPT records the last of the additional section counts; clients of CoreDNS get such replies too.
 * `question` is that of the reply. `records` is meaningful only where the result is Ok.
 */
export function scanRecords(
  b: Uint8Array,
  length: number,
  question: Question,
  records: Records,
): WireStatus {
  records.clear()
  if (length > MAX_MESSAGE || question.end > length) return WireStatus.FormErr
  records.answerCount = readCount(b, Section.Answer)
  records.authorityCount = readCount(b, Section.Authority)
  records.additionalCount = readCount(b, Section.Additional)
  const total = records.answerCount + records.authorityCount + records.additionalCount
  let at = question.end
  for (let i = 0; i < total; i++) {
    const fixed = skipName(b, at, length)
    if (fixed < 0 || fixed + RECORD_FIXED > length) return WireStatus.FormErr
    const rdata = fixed + RECORD_FIXED
    const end = rdata + read16(b, fixed + 8)
    if (end > length) return WireStatus.FormErr
    records.starts[i] = at
    records.types[i] = read16(b, fixed)
    records.ttlAt[i] = fixed + 4
    records.ends[i] = end
    if (!noteRecord(b, i, fixed, end, records)) return WireStatus.FormErr
    at = end
  }
  records.count = total
  records.end = at
  records.rcode = (records.extendedRcode << 4) | rcodeOf(readFlags(b))
  return WireStatus.Ok
}

/** Sums up record `i`, whose type stands at `fixed`; false where it is unsound. */
function noteRecord(
  b: Uint8Array,
  i: number,
  fixed: number,
  end: number,
  records: Records,
): boolean {
  const type = read16(b, fixed)
  const rdata = fixed + RECORD_FIXED
  if (type === Type.OPT) {
    if (records.optAt < 0) records.optAt = i
    if (i < records.answerCount + records.authorityCount) return true
    records.optionsAt = rdata
    records.optionsEnd = end
    records.extendedRcode = b[fixed + 4]!
    records.dnssecOk = hasDnssecOk(b, fixed)
    records.ede = findEde(b, rdata, end)
    return records.ede !== BAD_OPTIONS
  }
  if (!isSoundData(b, type, read16(b, fixed + 2), rdata, end)) return false
  const ttl = readTtl(b, fixed + 4)
  if (b[fixed + 4]! > 0x7f) records.hasNegativeTtl = true
  if (ttl < records.minTtl) records.minTtl = ttl
  if (type === Type.RRSIG) records.hasRrsig = true
  const authority = i >= records.answerCount && i < records.answerCount + records.authorityCount
  if (authority && type === Type.NS) records.hasAuthorityNs = true
  if (authority && type === Type.SOA) {
    const negative = Math.min(ttl, readTtl(b, end - 4))
    if (!records.hasAuthoritySoa || negative < records.soaNegativeTtl) {
      records.soaNegativeTtl = negative
    }
    records.hasAuthoritySoa = true
  }
  return true
}

/** A TTL in seconds; one with the top bit set counts as 0 (RFC 2181 §8). */
export function readTtl(b: Uint8Array, at: number): number {
  const ttl = read32(b, at)
  return ttl > 0x7fffffff ? 0 : ttl
}

/**
 * Cuts the OPT record off a scanned message and returns its new length. Records behind OPT go too:
 * closing the gap would move what their compression pointers point at (`compress` can). `records`
 * describes the result; its `rcode`, `extendedRcode`, `dnssecOk`, `ede` and options still tell what
 * OPT said.
 */
export function stripOpt(b: Uint8Array, records: Records): number {
  if (records.optAt < 0) return records.end
  records.end = records.starts[records.optAt]!
  setCount(b, records, records.optAt)
  records.optAt = -1
  return records.end
}

/**
 * Takes OPT records out of the description and the header's counts of a scanned message, for a caller that
 * writes the others anew: `starts`, `ttlAt` and `ends` are his to set, `types` are right.
 */
export function leaveOutOpts(b: Uint8Array, records: Records): void {
  const { answerCount, authorityCount, types } = records
  let kept = 0
  for (let i = 0; i < records.count; i++) {
    if (types[i] !== Type.OPT) types[kept++] = types[i]!
    else if (i < answerCount) records.answerCount--
    else if (i < answerCount + authorityCount) records.authorityCount--
    else records.additionalCount--
  }
  records.count = kept
  records.optAt = -1
  writeCounts(b, records)
}

/**
 * Marks a record of a scanned message as one that is not part of the description, as OPT records are not:
 * `compress` leaves both out.
 */
export function leaveOutRecord(records: Records, i: number): void {
  records.types[i] = Type.OPT
  if (records.optAt < 0 || i < records.optAt) records.optAt = i
}

/** Leaves the first `count` records of the message, in its header as well. */
function setCount(b: Uint8Array, records: Records, count: number): void {
  const answers = Math.min(records.answerCount, count)
  const authorities = Math.min(records.authorityCount, count - answers)
  records.count = count
  records.answerCount = answers
  records.authorityCount = authorities
  records.additionalCount = count - answers - authorities
  writeCounts(b, records)
}

/** Writes what `records` counts into the header. */
export function writeCounts(b: Uint8Array, records: Records): void {
  writeCount(b, Section.Answer, records.answerCount)
  writeCount(b, Section.Authority, records.authorityCount)
  writeCount(b, Section.Additional, records.additionalCount)
}
