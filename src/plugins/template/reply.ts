import { beginReply, addRecord, endReply } from '../../serve/reply-writer.ts'
import type { Query } from '../../serve/query.ts'
import { Flag, Rcode, RCODE_MASK } from '../../wire/codes.ts'
import { compress } from '../../wire/compress.ts'
import { HEADER_SIZE, readFlags, Section, writeFlags } from '../../wire/header.ts'
import { sameName } from '../../wire/name.ts'
import { MAX_MESSAGE, Records, scanRecords } from '../../wire/records.ts'
import { WireStatus } from '../../wire/status.ts'
import type { OwnRecord } from './record-template.ts'

/** As in CoreDNS, what every client takes is not compressed. */
const SMALL = 512

/** Records of a reply, by section. */
export interface ReplyRecords {
  readonly answer: OwnRecord[]
  readonly authority: OwnRecord[]
  readonly additional: OwnRecord[]
}

/** Made when first needed: 115 kB. One is enough, serving is synchronous. */
let scratch: { readonly message: Buffer; readonly records: Records } | null = null

/** The outcome without any record: an rcode, and an extended error where there is one. */
export function failWith(q: Query, rcode: number, error: Buffer | null): void {
  q.fail(rcode)
  setError(q, error)
  q.answeredBy = 'template'
}

/** Writes the answer. Records beyond 65,535 octets are left out, with TC. */
export function writeAnswer(
  q: Query,
  rcode: number,
  error: Buffer | null,
  records: ReplyRecords,
  isTruncated: boolean,
): void {
  // The rest of the rcode stands in OPT: a client without it would read another one.
  if (rcode > RCODE_MASK) {
    failWith(q, q.edns.present ? rcode : Rcode.ServFail, error)
    return
  }
  beginReply(q, rcode)
  const isWhole =
    addAll(q, Section.Answer, records.answer) &&
    addAll(q, Section.Authority, records.authority) &&
    addAll(q, Section.Additional, records.additional)
  if (isTruncated || !isWhole) writeFlags(q.out, readFlags(q.out) | Flag.TC)
  if (q.outLength > SMALL) shorten(q)
  setError(q, error)
  endReply(q, 'template')
}

function setError(q: Query, error: Buffer | null): void {
  if (error !== null) q.errors.set(error, 0, error.length)
}

function addAll(q: Query, section: Section, records: readonly OwnRecord[]): boolean {
  for (const { class: klass, data, owner, ttl, type } of records) {
    const isName = owner === null || sameName(owner, 0, q.wire, HEADER_SIZE)
    if (!addRecord(q, section, isName ? null : owner, type, ttl, data, klass)) return false
  }
  return true
}

function shorten(q: Query): void {
  scratch ??= { message: Buffer.allocUnsafeSlow(MAX_MESSAGE), records: new Records() }
  const { message, records } = scratch
  q.out.copy(message, 0, 0, q.outLength)
  if (scanRecords(message, q.outLength, q.question, records) !== WireStatus.Ok) return
  q.outLength = compress(message, records, q.question, q.out)
  q.records = records
}
