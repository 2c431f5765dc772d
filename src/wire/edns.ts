import { read16, write16, write32 } from './bytes.ts'
import { Type } from './codes.ts'
import { readCount, Section, writeCount } from './header.ts'
import { skipName } from './name.ts'
import type { Question } from './question.ts'
import { WireStatus } from './status.ts'

/** Octets of a record between its name and its data: type, class, TTL, length of the data. */
export const RECORD_FIXED = 10

/** Smallest UDP payload a client can ask for, and what it gets without EDNS (RFC 6891 §6.2.3). */
const MIN_UDP_SIZE = 512
const DO_BIT = 0x8000
const OPTION_EDE = 15
const OPT_SIZE = 11
const EDE_SIZE = 6

/** `ede` where there is no extended DNS error. */
const NO_EDE = -1
/** Result of `findEde` for options that do not fill the OPT record exactly. */
export const BAD_OPTIONS: number = -2

/** What the OPT record of a query says (RFC 6891). */
export class Edns {
  present = false
  version = 0
  /** Octets the client takes over UDP; never below 512. */
  udpSize: number = MIN_UDP_SIZE
  dnssecOk = false

  assign(o: Edns): void {
    this.present = o.present
    this.version = o.version
    this.udpSize = o.udpSize
    this.dnssecOk = o.dnssecOk
  }

  clear(): void {
    this.present = false
    this.version = 0
    this.udpSize = MIN_UDP_SIZE
    this.dnssecOk = false
  }
}

/**
 * Walks the records after the question of a query and reads its OPT into `edns`, which is cleared
 * first. The last OPT of the additional section counts; one elsewhere means nothing. FormErr where a
 * promised record is missing, cut off or broken. What follows the last record is ignored.
 */
export function readQueryOpt(
  b: Uint8Array,
  length: number,
  question: Question,
  edns: Edns,
): WireStatus {
  edns.clear()
  const before = readCount(b, Section.Answer) + readCount(b, Section.Authority)
  const total = before + readCount(b, Section.Additional)
  let at = question.end
  for (let i = 0; i < total; i++) {
    const fixed = skipName(b, at, length)
    if (fixed < 0 || fixed + RECORD_FIXED > length) return WireStatus.FormErr
    const rdata = fixed + RECORD_FIXED
    at = rdata + read16(b, fixed + 8)
    if (at > length) return WireStatus.FormErr
    if (i < before || read16(b, fixed) !== Type.OPT) continue
    if (findEde(b, rdata, at) === BAD_OPTIONS) return WireStatus.FormErr
    edns.present = true
    edns.udpSize = Math.max(read16(b, fixed + 2), MIN_UDP_SIZE)
    edns.version = b[fixed + 5]!
    edns.dnssecOk = (read16(b, fixed + 6) & DO_BIT) !== 0
  }
  return WireStatus.Ok
}

/** Whether the OPT record whose type stands at `fixed` has its DO bit set. */
export function hasDnssecOk(b: Uint8Array, fixed: number): boolean {
  return (read16(b, fixed + 6) & DO_BIT) !== 0
}

/**
 * The code of the first extended DNS error (RFC 8914) among the options in `b[at..end)`, −1 where
 * there is none, BAD_OPTIONS where the options are malformed.
 */
export function findEde(b: Uint8Array, at: number, end: number): number {
  let ede = NO_EDE
  let option = at
  while (option < end) {
    if (option + 4 > end) return BAD_OPTIONS
    const size = read16(b, option + 2)
    if (option + 4 + size > end) return BAD_OPTIONS
    if (ede === NO_EDE && size >= 2 && read16(b, option) === OPTION_EDE) ede = read16(b, option + 4)
    option += 4 + size
  }
  return ede
}

/** Octets `writeOpt` takes: 11, or 17 with an extended DNS error (`ede` ≥ 0). */
export function optSize(ede: number): number {
  return ede < 0 ? OPT_SIZE : OPT_SIZE + EDE_SIZE
}

/**
 * Appends an OPT record at `offset`, the end of the message in `out`, and counts it in the header.
 * `extendedRcode` is the upper eight bits of the rcode (1 for BADVERS); `ede` is a code of RFC 8914,
 * sent without text, or −1. Returns the new end.
 */
export function writeOpt(
  out: Uint8Array,
  offset: number,
  udpSize: number,
  extendedRcode: number,
  dnssecOk: boolean,
  ede: number,
): number {
  out[offset] = 0
  write16(out, offset + 1, Type.OPT)
  write16(out, offset + 3, udpSize)
  write32(out, offset + 5, (extendedRcode << 24) | (dnssecOk ? DO_BIT : 0))
  write16(out, offset + 9, ede < 0 ? 0 : EDE_SIZE)
  if (ede >= 0) {
    write16(out, offset + 11, OPTION_EDE)
    write16(out, offset + 13, 2)
    write16(out, offset + 15, ede)
  }
  writeCount(out, Section.Additional, readCount(out, Section.Additional) + 1)
  return offset + optSize(ede)
}
