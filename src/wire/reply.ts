import { Flag, Opcode, OPCODE_MASK, RCODE_MASK } from './codes.ts'
import {
  HEADER_SIZE,
  opcodeOf,
  readId,
  Section,
  writeCount,
  writeFlags,
  writeId,
} from './header.ts'
import type { Question } from './question.ts'

/**
 * Writes a reply without records: header and, where `question` is given, the query's question octet
 * by octet. Id comes from `query`, opcode, RD and CD from `queryFlags`. `extraFlags` are further
 * header bits (Flag.RA, Flag.TC). Of a `rcode` above 15 the low bits go here, the rest belongs into
 * an OPT record (`writeOpt`). Returns the length: 12, or `question.end`.
 */
export function writeFailure(
  out: Uint8Array,
  query: Uint8Array,
  queryFlags: number,
  question: Question | null,
  rcode: number,
  extraFlags = 0,
): number {
  // NOTIFY has no recursion to desire: RFC 1996 leaves the bits it does not use clear.
  const copied = opcodeOf(queryFlags) === Opcode.Notify ? 0 : Flag.RD | Flag.CD
  writeId(out, readId(query))
  writeFlags(
    out,
    Flag.QR | (queryFlags & (OPCODE_MASK | copied)) | extraFlags | (rcode & RCODE_MASK),
  )
  writeCount(out, Section.Question, question === null ? 0 : 1)
  writeCount(out, Section.Answer, 0)
  writeCount(out, Section.Authority, 0)
  writeCount(out, Section.Additional, 0)
  if (question === null) return HEADER_SIZE
  copyQuestion(out, query, question)
  return question.end
}

/**
 * Makes a stored reply the reply to this client: its id, these flags, and its question in the
 * client's own letter case (which compressed owner names then share).
 */
export function patchReply(
  out: Uint8Array,
  query: Uint8Array,
  question: Question,
  id: number,
  flags: number,
): void {
  writeId(out, id)
  writeFlags(out, flags)
  copyQuestion(out, query, question)
}

/**
 * Writes the query's question into a reply, which has room for it. What comes from the cache has whatever lay
 * there before `patchReply`: who reads a name of it earlier, which may be a pointer to the question, calls this
 * first. A loop: questions are short, and a native copy costs more than the octets.
 */
export function copyQuestion(out: Uint8Array, query: Uint8Array, question: Question): void {
  for (let i = HEADER_SIZE; i < question.end; i++) out[i] = query[i]!
}
