import { Protocol, type Query } from '../../serve/query.ts'
import { Flag } from '../../wire/codes.ts'
import { hashQuestion } from '../../wire/question-key.ts'
import { Question, questionEquals } from '../../wire/question.ts'

const noBytes: Buffer = Buffer.alloc(0)
const noQuestion: Question = new Question()

/**
 * What an answer is found by: the question and its variant (the DO and CD bits, RFC 6840 §5.9). It
 * refers to a query and copies nothing, so it holds as long as the query does. Used again and again.
 */
export class CacheKey {
  hash = 0
  variant = 0
  wire: Buffer = noBytes
  question: Question = noQuestion
  /**
   * Whether the client came over TCP: no part of the key, for an answer is the same. But `forward` asks as it was
   * asked, and an upstream that takes no TCP fails such a client alone.
   */
  overTcp = false

  /** Makes this the key of `q`. */
  read(q: Query): void {
    this.variant = (q.edns.dnssecOk ? 1 : 0) | ((q.flags & Flag.CD) !== 0 ? 2 : 0)
    this.wire = q.wire
    this.question = q.question
    this.hash = hashQuestion(q.wire, q.question, this.variant)
    this.overTcp = q.target.protocol === Protocol.Tcp
  }

  /** Makes this the key `o`, held by a copy of its query. */
  become(o: CacheKey, copy: Query): void {
    this.hash = o.hash
    this.variant = o.variant
    this.wire = copy.wire
    this.question = copy.question
    this.overTcp = copy.target.protocol === Protocol.Tcp
  }

  equals(o: CacheKey): boolean {
    return (
      this.hash === o.hash &&
      this.variant === o.variant &&
      questionEquals(this.wire, this.question, o.wire, o.question)
    )
  }
}
