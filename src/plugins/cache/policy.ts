import type { Query } from '../../serve/query.ts'
import { write32 } from '../../wire/bytes.ts'
import { answersQuestion, classify, contradictsItself, ResponseKind } from '../../wire/classify.ts'
import { Flag, Rcode, Type } from '../../wire/codes.ts'
import { readFlags } from '../../wire/header.ts'
import { NO_TTL, readTtl, type Records } from '../../wire/records.ts'

/** What the cache does with a response. */
export const Verdict = {
  Success: 0,
  Denial: 1,
  /** SERVFAIL or NOTIMP: remembered for a short time, never instead of a good answer. */
  ServerError: 2,
  /** Another failure (REFUSED, FORMERR, …): passed on, not stored. */
  Refused: 3,
  /** A good response that must not be stored: it refutes what was stored before. */
  Uncacheable: 4,
  /** Cut off, signed for another time, no plain answer: passed on, and proves nothing. */
  Doubtful: 5,
} as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

/**
 * Seconds a response is kept at most that has neither an answer nor a SOA, as in CoreDNS: what is in it, such as
 * the TTL of a referral, does not say for how long there is no answer.
 */
const NO_ANSWER_SECONDS = 5

/** Judges the scanned message of a query by the rules of CoreDNS 1.14.7 (see `classify`). */
export function judge(q: Query, records: Records, unixSeconds: number): Verdict {
  const { out, question } = q
  switch (classify(out, question, records, unixSeconds)) {
    case ResponseKind.ServerError:
      return Verdict.ServerError
    case ResponseKind.OtherError:
      return isGood(records.rcode) ? Verdict.Doubtful : Verdict.Refused
    case ResponseKind.Meta:
    case ResponseKind.Update:
      return Verdict.Doubtful
    case ResponseKind.NameError:
      if (isTruncated(out)) return Verdict.Doubtful
      // RFC 2308 §5: without SOA nothing says how long the name will not exist.
      return records.hasAuthoritySoa ? Verdict.Denial : Verdict.Uncacheable
    case ResponseKind.NoData:
      return isTruncated(out) ? Verdict.Doubtful : Verdict.Denial
    default:
      return judgePositive(q, records)
  }
}

function judgePositive(q: Query, records: Records): Verdict {
  if (isTruncated(q.out)) return Verdict.Doubtful
  if (records.answerCount === 0) return Verdict.Success
  if (answersQuestion(q.out, q.question, records)) return Verdict.Success
  if (contradictsItself(q.out, q.question, records)) return Verdict.Doubtful
  return records.hasAuthoritySoa ? Verdict.Denial : Verdict.Uncacheable
}

/** Whether the response, so judged, holds what was asked for: not a mere "there is nothing". */
export function isAnswer(verdict: Verdict, records: Records): boolean {
  return verdict === Verdict.Success && records.answerCount > 0
}

function isGood(rcode: number): boolean {
  return rcode === Rcode.NoError || rcode === Rcode.NXDomain
}

function isTruncated(out: Buffer): boolean {
  return (readFlags(out) & Flag.TC) !== 0
}

/** Seconds an answer stays fresh by its own account: its smallest TTL. */
export function successSeconds({ answerCount, minTtl }: Records): number {
  return answerCount === 0 || minTtl === NO_TTL ? Math.min(minTtl, NO_ANSWER_SECONDS) : minTtl
}

/** Seconds a denial stays fresh: min(SOA TTL, SOA MINIMUM) (RFC 2308 §5), or less if a CNAME is. */
export function denialSeconds(records: Records): number {
  return Math.min(records.minTtl, records.soaNegativeTtl)
}

/** Brings every TTL of the message into [min, max] seconds. */
export function boundTtls(out: Buffer, records: Records, min: number, max: number): void {
  for (let i = 0; i < records.count; i++) {
    const at = records.ttlAt[i]!
    const ttl = readTtl(out, at)
    const bounded = Math.max(min, Math.min(ttl, max))
    if (bounded !== ttl) write32(out, at, bounded)
  }
}

/** The SOA of a denial shows the time the denial is good for (RFC 2308 §5). */
export function boundSoa(out: Buffer, records: Records, seconds: number): void {
  for (let i = records.answerCount; i < records.count; i++) {
    if (records.types[i] === Type.SOA) write32(out, records.ttlAt[i]!, seconds)
  }
}
