import { lowerCase } from '../wire/bytes.ts'
import { Flag } from '../wire/codes.ts'
import { HEADER_SIZE, rcodeOf, readCount, readFlags, Section } from '../wire/header.ts'
import { echoesQuestion, type Question } from '../wire/question.ts'

/** What a message with the id of a query in flight is. */
export const Verdict = {
  /** The answer to its question. */
  Answer: 0,
  /** An error without a question: all that old servers say to a query they cannot read. */
  BareError: 1,
  /** Not the answer: another question, or no reply at all. */
  Mismatch: 2,
  /** A datagram that ends inside the echo of its question. */
  Cut: 3,
} as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

/** A question that was asked, and the message that holds it. */
export interface Asked {
  readonly query: Buffer
  readonly question: Question
}

/**
 * Judges `reply[0..length)`, at least a header long, which came back under the id of `x`. Only a
 * `datagram` can have lost its end: on a stream the length is known. The opcode proves nothing: servers that get
 * it wrong mean the question that they repeat.
 */
export function judgeReply(x: Asked, reply: Buffer, length: number, datagram = false): Verdict {
  const flags = readFlags(reply)
  if ((flags & Flag.QR) === 0) return Verdict.Mismatch
  if (echoesQuestion(reply, length, x.query, x.question)) return Verdict.Answer
  const questions = readCount(reply, Section.Question)
  if (questions === 0 && rcodeOf(flags) !== 0) return Verdict.BareError
  return datagram && questions === 1 && isCut(x, reply, length) ? Verdict.Cut : Verdict.Mismatch
}

function isCut({ query, question }: Asked, reply: Buffer, length: number): boolean {
  if (length >= question.end) return false
  for (let i = HEADER_SIZE; i < length; i++) {
    const same =
      i < question.nameEnd ? lowerCase[reply[i]!] === lowerCase[query[i]!] : reply[i] === query[i]
    if (!same) return false
  }
  return true
}
