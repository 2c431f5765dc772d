import { Flag, Rcode } from '../wire/codes.ts'
import { OPT_SIZE, writeOpt } from '../wire/edns.ts'
import { HEADER_SIZE, rcodeOf, readCount, readFlags, readId, Section } from '../wire/header.ts'
import { makeQuery } from '../wire/query.ts'
import { echoesQuestion, parseQuestion, Question } from '../wire/question.ts'
import { Records, scanRecords } from '../wire/records.ts'
import { WireStatus } from '../wire/status.ts'

/** A question on the wire. */
export interface Asked {
  readonly query: Buffer
  readonly id: number
  readonly type: number
  readonly question: Question
}

/** What an answer says. */
export interface Reply {
  readonly rcode: number
  /** Whether it has a record of the type asked for. */
  readonly hasRecords: boolean
  /** It did not fit into a datagram. */
  readonly truncated: boolean
  /** It is no DNS message behind its question. */
  readonly malformed: boolean
}

const records = new Records()

/**
 * Queries for all types of a name, each with an id of its own; null where the name is none.
 *
 * @param udpSize octets an answer may have, in an OPT record; 0: no EDNS
 */
export function queriesFor(name: string, types: readonly number[], udpSize = 0): Asked[] | null {
  const base = randomId()
  const asked: Asked[] = []
  for (const [i, type] of types.entries()) {
    const id = (base + i * 7919) & 0xffff
    let query = makeQuery(id, Flag.RD, name, type)
    if (query === null) return null
    if (udpSize > 0) {
      const longer = Buffer.alloc(query.length + OPT_SIZE)
      query.copy(longer)
      writeOpt(longer, query.length, udpSize, 0, false)
      query = longer
    }
    const question = new Question()
    parseQuestion(query, query.length, question)
    asked.push({ query, id, type, question })
  }
  return asked
}

/** A message id. It protects nothing here: answers come from who was asked. */
function randomId(): number {
  return Math.floor(Math.random() * 0x1_0000)
}

/** Reads `bytes[0..length)` as the answer to `asked`; null where it has another id or question, or is none. */
export function readReply(bytes: Buffer, length: number, asked: Asked): Reply | null {
  if (length < HEADER_SIZE || readId(bytes) !== asked.id) return null
  const flags = readFlags(bytes)
  if ((flags & Flag.QR) === 0) return null
  const rcode = rcodeOf(flags)
  const truncated = (flags & Flag.TC) !== 0
  if (!echoesQuestion(bytes, length, asked.query, asked.question)) {
    // An error without a question: all that some servers say to what they cannot read.
    const bare = readCount(bytes, Section.Question) === 0 && rcode !== Rcode.NoError
    return bare ? { rcode, hasRecords: false, truncated: false, malformed: false } : null
  }
  if (truncated) return { rcode, hasRecords: false, truncated, malformed: false }
  const malformed = scanRecords(bytes, length, asked.question, records) !== WireStatus.Ok
  return { rcode, hasRecords: !malformed && hasType(asked.type), truncated, malformed }
}

function hasType(type: number): boolean {
  for (let i = 0; i < records.answerCount; i++) if (records.types[i] === type) return true
  return false
}

/** Whether a resolver takes a reply for the end of the matter: the name, or its absence. */
export function isConclusive({ rcode, malformed }: Reply): boolean {
  return !malformed && (rcode === Rcode.NoError || rcode === Rcode.NXDomain)
}
