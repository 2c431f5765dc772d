import type { Answer } from '../../src/commands/demo/in-order-server.ts'
import { Flag, Rcode, Type } from '../../src/wire/codes.ts'
import {
  HEADER_SIZE,
  readCount,
  readFlags,
  Section,
  writeCount,
  writeFlags,
} from '../../src/wire/header.ts'
import { parseQuestion, Question } from '../../src/wire/question.ts'
import { WireStatus } from '../../src/wire/status.ts'

/** Behind the owner's name: type A, class IN, TTL 30, 192.0.2.1. */
const A_RECORD = Buffer.from([0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 192, 0, 2, 1])
/** Of the root, nothing set, 1,232 octets (RFC 6891 §6.1.2). */
const OPT_RECORD = Buffer.from([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0])
const question = new Question()

/**
 * Answers every A question with 192.0.2.1 and any other with no data, as fast as JavaScript can:
 * arithmetic over octets. Names are in full, EDNS is answered where it is asked for.
 */
export const anyName: Answer = (query) => {
  if (query.length < HEADER_SIZE || (readFlags(query) & Flag.QR) !== 0) return null
  if (parseQuestion(query, query.length, question) !== WireStatus.Ok) return failure(query)
  const { nameEnd, end, type } = question
  const isA = type === Type.A
  const hasOpt = readCount(query, Section.Additional) > 0
  const owner = nameEnd - HEADER_SIZE
  const length = end + (isA ? owner + A_RECORD.length : 0) + (hasOpt ? OPT_RECORD.length : 0)
  const reply = Buffer.allocUnsafe(length)
  query.copy(reply, 0, 0, end)
  writeFlags(reply, (readFlags(query) & (Flag.RD | Flag.CD)) | Flag.QR | Flag.AA | Flag.RA)
  writeCount(reply, Section.Answer, isA ? 1 : 0)
  writeCount(reply, Section.Authority, 0)
  writeCount(reply, Section.Additional, hasOpt ? 1 : 0)
  if (isA) {
    query.copy(reply, end, HEADER_SIZE, nameEnd)
    A_RECORD.copy(reply, end + owner)
  }
  if (hasOpt) OPT_RECORD.copy(reply, length - OPT_RECORD.length)
  return reply
}

/** FORMERR: the header alone. */
function failure(query: Buffer): Buffer {
  const reply = Buffer.alloc(HEADER_SIZE)
  query.copy(reply, 0, 0, 2)
  writeFlags(reply, Flag.QR | Rcode.FormErr)
  return reply
}
