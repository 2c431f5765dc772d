import { read32 } from './bytes.ts'
import { Opcode, Rcode, Type } from './codes.ts'
import { HEADER_SIZE, opcodeOf, readFlags } from './header.ts'
import { sameName } from './name.ts'
import type { Question } from './question.ts'
import type { Records } from './records.ts'

/** What a response amounts to: decides where it is cached and how it is logged. */
export const ResponseKind = {
  NoError: 0,
  NoData: 1,
  NameError: 2,
  Delegation: 3,
  ServerError: 4,
  Meta: 5,
  Update: 6,
  OtherError: 7,
} as const
export type ResponseKind = (typeof ResponseKind)[keyof typeof ResponseKind]

/** Order of the CNAME chain is the server's choice; more passes than this are not honest. */
const MAX_PASSES = 16

/** Octets from a record's TTL to its data, and from there to the times of an RRSIG (RFC 4034 §3.1). */
const TTL_TO_RDATA = 6
const RDATA_TO_EXPIRATION = 8
const RDATA_TO_INCEPTION = 12

/**
 * The kind of a scanned response, by the rules of CoreDNS 1.14.7, but for a name error behind an
 * alias: that is one (RFC 2308 §2.1, RFC 6604 §3), as it was up to CoreDNS 1.14.4. `nowSeconds` is
 * Unix time, for the validity of signatures.
 */
export function classify(
  b: Uint8Array,
  question: Question,
  records: Records,
  nowSeconds: number,
): ResponseKind {
  const opcode = opcodeOf(readFlags(b))
  if (opcode === Opcode.Update) return ResponseKind.Update
  if (opcode === Opcode.Notify) return ResponseKind.Meta
  if (question.type === Type.AXFR || question.type === Type.IXFR) return ResponseKind.Meta
  if (records.dnssecOk && records.hasRrsig && !signaturesHold(b, records, nowSeconds)) {
    return ResponseKind.OtherError
  }
  switch (records.rcode) {
    case Rcode.NoError:
      if (records.answerCount > 0) return ResponseKind.NoError
      if (records.hasAuthoritySoa) return ResponseKind.NoData
      return records.hasAuthorityNs ? ResponseKind.Delegation : ResponseKind.NoError
    case Rcode.NXDomain:
      return onlyAliases(records) ? ResponseKind.NameError : ResponseKind.OtherError
    case Rcode.ServFail:
    case Rcode.NotImp:
      return ResponseKind.ServerError
    default:
      return ResponseKind.OtherError
  }
}

/** Whether the answer section says nothing but under which name there is nothing. */
function onlyAliases(records: Records): boolean {
  for (let i = 0; i < records.answerCount; i++) {
    const type = records.types[i]!
    if (type !== Type.CNAME && type !== Type.DNAME && type !== Type.RRSIG) return false
  }
  return true
}

/** Whether every RRSIG is inside its validity period, in serial arithmetic (RFC 4034 §3.1.5). */
function signaturesHold(b: Uint8Array, records: Records, nowSeconds: number): boolean {
  for (let i = 0; i < records.count; i++) {
    if (records.types[i] !== Type.RRSIG) continue
    const rdata = records.ttlAt[i]! + TTL_TO_RDATA
    const left = (read32(b, rdata + RDATA_TO_EXPIRATION) - nowSeconds) | 0
    const since = (nowSeconds - read32(b, rdata + RDATA_TO_INCEPTION)) | 0
    if (left < 0 || since < 0) return false
  }
  return true
}

/**
 * Whether the answer section of a scanned response leads from the question, through its CNAMEs, to
 * a record of the type asked for. False for an empty answer section.
 */
export function answersQuestion(b: Uint8Array, question: Question, records: Records): boolean {
  const answers = records.answerCount
  if (question.type === Type.ANY) return answers > 0
  let name = HEADER_SIZE
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const before = name
    for (let i = 0; i < answers; i++) {
      const type = records.types[i]!
      if (type !== question.type && type !== Type.CNAME) continue
      if (!sameName(b, records.starts[i]!, b, name)) continue
      if (type === question.type) return true
      name = records.ttlAt[i]! + TTL_TO_RDATA
    }
    if (name === before) return false
  }
  return false
}
