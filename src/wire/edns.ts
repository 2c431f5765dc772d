import { read16, write16, write32 } from './bytes.ts'
import { Type } from './codes.ts'
import { readCount, Section, writeCount } from './header.ts'
import { skipName } from './name.ts'
import type { Question } from './question.ts'
import { RECORD_FIXED } from './record-layout.ts'
import { WireStatus } from './status.ts'

/** Smallest UDP payload a client can ask for, and what it gets without EDNS (RFC 6891 §6.2.3). */
const MIN_UDP_SIZE = 512
const DO_BIT = 0x8000
const OPTION_EDE = 15
/** Octets of an OPT record without options. */
export const OPT_SIZE = 11
/** Octets of an option's code and length, of an extended error's code, and of both. */
const OPTION_HEAD = 4
const CODE_SIZE = 2
const EDE_SIZE = 6

/** Octets of options that a query of ours may have, codes and lengths included. */
export const MAX_OPTIONS: number = 1024

/** `ede` where there is no extended DNS error. */
const NO_EDE = -1
/** Result of `findEde` for options that do not fill the OPT record exactly. */
export const BAD_OPTIONS: number = -2

const noBytes: Buffer = Buffer.alloc(0)

/** Extended errors of a message as the options they came in (RFC 8914 §2), one after the other. */
export class ErrorOptions {
  /** What holds them, borrowed as the message is. */
  from: Buffer = noBytes
  at = 0
  /** Octets: codes and texts, with the heads of their options; 0 where there is none. */
  size = 0

  set(from: Buffer, at: number, size: number): void {
    this.from = from
    this.at = at
    this.size = size
  }

  clear(): void {
    if (this.size > 0) this.set(noBytes, 0, 0)
  }
}

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
 * first. FormErr where a record is cut off or broken, and where OPT stands twice, outside the additional
 * section or under a name (RFC 6891 §6.1.1). What follows the last record is ignored; where the message
 * ends before it, the counts are wrong, which CoreDNS forgives.
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
  for (let i = 0; i < total && at < length; i++) {
    const start = at
    const fixed = skipName(b, at, length)
    if (fixed < 0 || fixed + RECORD_FIXED > length) return WireStatus.FormErr
    const rdata = fixed + RECORD_FIXED
    at = rdata + read16(b, fixed + 8)
    if (at > length) return WireStatus.FormErr
    if (read16(b, fixed) !== Type.OPT) continue
    if (i < before || edns.present || b[fixed - 1] !== 0 || fixed - start > 1) {
      return WireStatus.FormErr
    }
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

/**
 * Brings the extended errors among the sound options in `b[at..end)` together at `at`, and describes
 * them in `errors`. The other options are lost.
 */
export function gatherErrors(b: Buffer, at: number, end: number, errors: ErrorOptions): void {
  let to = at
  let option = at
  while (option < end) {
    const next = option + OPTION_HEAD + read16(b, option + 2)
    if (read16(b, option) === OPTION_EDE && next - option >= EDE_SIZE) {
      b.copyWithin(to, option, next)
      to += next - option
    }
    option = next
  }
  errors.set(b, at, to - at)
}

/**
 * Appends an OPT record without options at `offset`, the end of the message in `out`, and counts it in
 * the header. `extendedRcode` is the upper eight bits of the rcode (1 for BADVERS). Returns the new end,
 * OPT_SIZE further on.
 */
export function writeOpt(
  out: Uint8Array,
  offset: number,
  udpSize: number,
  extendedRcode: number,
  dnssecOk: boolean,
): number {
  out[offset] = 0
  write16(out, offset + 1, Type.OPT)
  write16(out, offset + 3, udpSize)
  write32(out, offset + 5, (extendedRcode << 24) | (dnssecOk ? DO_BIT : 0))
  write16(out, offset + 9, 0)
  writeCount(out, Section.Additional, readCount(out, Section.Additional) + 1)
  return offset + OPT_SIZE
}

/**
 * Adds extended errors to the OPT record that ends at `end`: those in `errors`, then `ede`, a code of
 * RFC 8914, unless it is negative. One that would go beyond `limit` goes without its text, or not at
 * all (RFC 8914 §3). Returns the new end. `errors` may lie in `out`, from `end` on.
 */
export function addErrors(
  out: Uint8Array,
  end: number,
  limit: number,
  ede: number,
  errors: ErrorOptions,
): number {
  const room = ede < 0 ? limit : limit - EDE_SIZE
  let to = end
  const last = errors.at + errors.size
  for (let at = errors.at; at < last;) {
    const size = read16(errors.from, at + 2)
    const text = size - CODE_SIZE
    const fits = to + OPTION_HEAD + size <= room
    const code = read16(errors.from, at + OPTION_HEAD)
    const next = writeError(out, to, room, code, fits ? text : 0)
    if (fits) errors.from.copy(out, next - text, at + EDE_SIZE, at + EDE_SIZE + text)
    to = next
    at += OPTION_HEAD + size
  }
  if (ede >= 0) to = writeError(out, to, limit, ede, 0)
  write16(out, end - 2, to - end)
  return to
}

/**
 * Adds options, as they stand in OPT, to the OPT record whose data begins at `start` and ends at `end`,
 * unless they would go beyond `limit`. Returns the new end.
 */
export function addOptions(
  out: Uint8Array,
  start: number,
  end: number,
  limit: number,
  options: Uint8Array,
): number {
  if (end + options.length > limit) return end
  out.set(options, end)
  write16(out, start - 2, end + options.length - start)
  return end + options.length
}

/** The octets of an option. Its data has 65,535 octets at most. */
export function writeOption(code: number, data: Uint8Array): Buffer {
  const option = Buffer.allocUnsafe(OPTION_HEAD + data.length)
  write16(option, 0, code)
  write16(option, 2, data.length)
  option.set(data, OPTION_HEAD)
  return option
}

/** An extended error as an option (RFC 8914 §2). Its text has 65,533 octets at most. */
export function errorOption(code: number, text: Uint8Array): Buffer {
  const data = Buffer.allocUnsafe(CODE_SIZE + text.length)
  write16(data, 0, code)
  data.set(text, CODE_SIZE)
  return writeOption(OPTION_EDE, data)
}

/**
 * The first option of this code in the OPT record of a query that `readQueryOpt` found sound: its data,
 * which is part of `b`; null where there is none.
 */
export function findOption(b: Buffer, question: Question, code: number): Buffer | null {
  const total =
    readCount(b, Section.Answer) +
    readCount(b, Section.Authority) +
    readCount(b, Section.Additional)
  let at = question.end
  for (let i = 0; i < total; i++) {
    const fixed = skipName(b, at, b.length)
    const rdata = fixed + RECORD_FIXED
    at = rdata + read16(b, fixed + 8)
    if (read16(b, fixed) !== Type.OPT) continue
    for (let option = rdata; option < at;) {
      const data = option + OPTION_HEAD
      const end = data + read16(b, option + 2)
      if (read16(b, option) === code) return b.subarray(data, end)
      option = end
    }
    return null
  }
  return null
}

/** Writes an extended error with room for its text; returns its end, `to` where it does not fit. */
function writeError(
  out: Uint8Array,
  to: number,
  limit: number,
  code: number,
  text: number,
): number {
  const end = to + EDE_SIZE + text
  if (end > limit) return to
  write16(out, to, OPTION_EDE)
  write16(out, to + 2, CODE_SIZE + text)
  write16(out, to + 4, code)
  return end
}
