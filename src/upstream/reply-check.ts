import { Flag, OPCODE_MASK } from '../wire/codes.ts'
import { rcodeOf, readCount, readFlags, Section } from '../wire/header.ts'
import { echoesQuestion } from '../wire/question.ts'
import type { Exchange } from './exchange.ts'

/** What a message with the id of a query in flight is. */
export const Verdict = {
  /** The answer to its question. */
  Answer: 0,
  /** An error without a question: all that old servers say to a query they cannot read. */
  BareError: 1,
  /** Not the answer: another question, or no reply at all. */
  Mismatch: 2,
} as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

/** Judges `reply[0..length)`, at least a header long, which came back under the id of `x`. */
export function judgeReply(x: Exchange, reply: Buffer, length: number): Verdict {
  const flags = readFlags(reply)
  if ((flags & (Flag.QR | OPCODE_MASK)) !== Flag.QR) return Verdict.Mismatch
  if (echoesQuestion(reply, length, x.query, x.question)) return Verdict.Answer
  const bare = readCount(reply, Section.Question) === 0 && rcodeOf(flags) !== 0
  return bare ? Verdict.BareError : Verdict.Mismatch
}
