import { read16, read32 } from './bytes.ts'
import { Class, Opcode, Rcode, Type } from './codes.ts'
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

/** More CNAMEs in a row than this are a loop, or not honest. */
const MAX_CNAMES = 64
/** `cnameTarget` where there is no CNAME, and where several disagree. */
const NO_TARGET = 0
const CONTRADICTION = -1

/** Octets from a record's TTL to its data, and from there to the times of an RRSIG (RFC 4034 §3.1). */
const TTL_TO_RDATA = 6
const CLASS_TO_TTL = 2
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
 * a record of the type asked for. False for an empty answer section, and where the CNAMEs contradict
 * one another: then nothing of it is true for certain.
 */
export function answersQuestion(b: Uint8Array, question: Question, records: Records): boolean {
  const { type } = question
  if (type === Type.ANY) return holdsType(b, question, records, HEADER_SIZE, Type.ANY)
  if (type === Type.CNAME) return cnameTarget(b, question, records, HEADER_SIZE) > 0
  const name = canonicalName(b, question, records)
  return name > 0 && holdsType(b, question, records, name, type)
}

/** Whether the answer section has two CNAMEs at one name of its chain, or a chain without an end. */
export function contradictsItself(b: Uint8Array, question: Question, records: Records): boolean {
  if (question.type === Type.ANY) return false
  if (question.type !== Type.CNAME) return canonicalName(b, question, records) < 0
  return cnameTarget(b, question, records, HEADER_SIZE) === CONTRADICTION
}

/** The offset of the name that the question's CNAMEs lead to, or CONTRADICTION (RFC 1034 §3.6.2). */
function canonicalName(b: Uint8Array, question: Question, records: Records): number {
  let name = HEADER_SIZE
  for (let hop = 0; hop < MAX_CNAMES; hop++) {
    const target = cnameTarget(b, question, records, name)
    if (target === NO_TARGET) return name
    if (target === CONTRADICTION) return CONTRADICTION
    name = target
  }
  return CONTRADICTION
}

/** The offset of the target of the CNAME at a name; two of them must agree (RFC 2181 §10.1). */
function cnameTarget(b: Uint8Array, question: Question, records: Records, name: number): number {
  let target: number = NO_TARGET
  for (let i = 0; i < records.answerCount; i++) {
    if (records.types[i] !== Type.CNAME || !isAt(b, question, records, i, name)) continue
    const another = records.ttlAt[i]! + TTL_TO_RDATA
    if (target !== NO_TARGET && !sameName(b, target, b, another)) return CONTRADICTION
    target = another
  }
  return target
}

function holdsType(
  b: Uint8Array,
  question: Question,
  records: Records,
  name: number,
  type: number,
): boolean {
  for (let i = 0; i < records.answerCount; i++) {
    if (type !== Type.ANY && records.types[i] !== type) continue
    if (isAt(b, question, records, i, name)) return true
  }
  return false
}

/** Whether record `i` stands at a name, in the class asked for. */
function isAt(
  b: Uint8Array,
  question: Question,
  records: Records,
  i: number,
  name: number,
): boolean {
  const klass = read16(b, records.ttlAt[i]! - CLASS_TO_TTL)
  if (klass !== question.class && question.class !== Class.ANY) return false
  return sameName(b, records.starts[i]!, b, name)
}
