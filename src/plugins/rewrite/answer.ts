import { scanReply } from '../../serve/finish.ts'
import { askServer } from '../../serve/inner-question.ts'
import { keptQueries } from '../../serve/kept-queries.ts'
import type { Handler } from '../../serve/plugin.ts'
import { Outcome, type Query } from '../../serve/query.ts'
import { restoreQuestion } from '../../serve/rewritten-question.ts'
import { write32 } from '../../wire/bytes.ts'
import { Ede, Flag, Rcode, RCODE_MASK, Type } from '../../wire/codes.ts'
import { rcodeOf, readFlags, writeFlags } from '../../wire/header.ts'
import { MAX_NAME, nameToText, textToName } from '../../wire/name.ts'
import { TTL_TO_RDATA } from '../../wire/record-layout.ts'
import { readTtl, Records, scanRecords } from '../../wire/records.ts'
import { copyQuestion } from '../../wire/reply.ts'
import { WireStatus } from '../../wire/status.ts'
import { type Detour, MessageWriter, type Scanned, ttlBy } from './message-writer.ts'
import type { AnswerRules } from './question.ts'
import type { ResponseRule } from './response-rule.ts'

/** Made when first needed, and enough for all blocks: serving is synchronous. */
let writer: MessageWriter | null = null
let ownRecords: Records | null = null
let foundRecords: Records | null = null

/**
 * Makes the outcome of a query that rules have changed the one that its client is to have, and ends the
 * query at `done`: its own question, the names in the answer mapped back, TTLs and rcode as the rules say.
 * Where a CNAME record leads elsewhere by them, that is later.
 */
export function answerClient(q: Query, { asked, rules }: AnswerRules, done: Handler): void {
  if (q.outcome !== Outcome.Message) {
    restoreQuestion(q)
    if (q.outcome === Outcome.Failure) q.rcode = rcodeBy(rules, q.rcode)
    done(q)
    return
  }
  q.alike = 0
  const records = scan(q)
  if (records === null) {
    failWith(q, 'reply cannot be parsed', Ede.InvalidData)
    done(q)
    return
  }
  if (rules.some(({ target }) => target !== null) && leadElsewhere(q, records, rules, done)) return
  const needsWriting =
    asked !== null || rules.some(({ owner, value }) => owner !== null || value !== null)
  if (needsWriting) rewrite(q, { message: q.out, records }, rules, null)
  else {
    restoreQuestion(q)
    changeTtls(q.out, records, rules)
  }
  changeRcode(q, rules)
  done(q)
}

/** Where the records of `q.out` lie, null where it is malformed. A hit has no question yet. */
function scan(q: Query): Records | null {
  copyQuestion(q.out, q.wire, q.question)
  return q.records ?? scanReply(q)
}

function rewrite(
  q: Query,
  from: Scanned,
  rules: readonly ResponseRule[],
  detour: Detour | null,
): void {
  restoreQuestion(q)
  writer ??= new MessageWriter()
  keepErrors(q)
  const problem = writer.write(q, from, rules, detour)
  if (problem !== null) failWith(q, problem, Ede.Other)
}

function failWith(q: Query, error: string, ede: number): void {
  restoreQuestion(q)
  q.fail(Rcode.ServFail, error, ede)
  q.answeredBy = 'rewrite'
}

/** Extended errors may lie where the message will be. */
function keepErrors({ errors, out }: Query): void {
  const { at, from, size } = errors
  if (size > 0 && from === out) errors.set(Buffer.copyBytesFrom(from, at, size), 0, size)
}

function changeTtls(out: Buffer, records: Records, rules: readonly ResponseRule[]): void {
  for (let n = rules.length - 1; n >= 0; n--) {
    const rule = rules[n]!
    if (rule.ttl === null) continue
    for (let i = 0; i < records.count; i++) {
      const at = records.ttlAt[i]!
      write32(out, at, ttlBy(rule, readTtl(out, at)))
    }
  }
}

function rcodeBy(rules: readonly ResponseRule[], rcode: number): number {
  let changed = rcode
  for (let i = rules.length - 1; i >= 0; i--) {
    const change = rules[i]!.rcode
    if (change?.from === changed) changed = change.to
  }
  return changed
}

/** An rcode above 15 needs OPT and has no records: a client without EDNS would read another one. */
function changeRcode(q: Query, rules: readonly ResponseRule[]): void {
  if (q.outcome !== Outcome.Message) return
  const flags = readFlags(q.out)
  const before = rcodeOf(flags)
  const rcode = rcodeBy(rules, before)
  if (rcode === before) return
  if (rcode <= RCODE_MASK) writeFlags(q.out, (flags & ~RCODE_MASK) | rcode)
  else q.fail(q.edns.present ? rcode : Rcode.ServFail)
}

/** Looks for a CNAME record with another target by the rules; true where that is being asked for. */
function leadElsewhere(
  q: Query,
  records: Records,
  rules: readonly ResponseRule[],
  done: Handler,
): boolean {
  for (let at = 0; at < records.answerCount; at++) {
    if (records.types[at] !== Type.CNAME) continue
    const target = targetBy(rules, q.out, records.ttlAt[at]! + TTL_TO_RDATA)
    if (target === null) continue
    askThere(q, at, target, rules, done)
    return true
  }
  return false
}

/** The name that the rules put in the place of the target at `at`; null where there is none. */
function targetBy(rules: readonly ResponseRule[], out: Buffer, at: number): Buffer | null {
  const name = nameToText(out, at, out.length, true)!
  for (let i = rules.length - 1; i >= 0; i--) {
    const replaced = rules[i]!.target?.(name) ?? null
    if (replaced === null) continue
    const target = Buffer.alloc(MAX_NAME)
    const size = textToName(replaced, target, 0)
    if (size > 0) return target.subarray(0, size)
  }
  return null
}

function askThere(
  q: Query,
  at: number,
  target: Buffer,
  rules: readonly ResponseRule[],
  done: Handler,
): void {
  if (!q.kept && !keptQueries.admits(q)) {
    restoreQuestion(q)
    q.fail(Rcode.Refused, 'too many misses under way', Ede.Other)
    q.answeredBy = 'rewrite'
    done(q)
    return
  }
  const message = Buffer.copyBytesFrom(q.out, 0, q.outLength)
  const { answeredBy, ede } = q
  const { at: errorsAt, from, size } = q.errors
  const errors = Buffer.copyBytesFrom(from, errorsAt, size)
  const waited = q.kept
  const waiting = q.keep()
  const answered = (inner: Query): void => {
    waiting.reserve()
    waiting.outcome = Outcome.Message
    waiting.answeredBy = answeredBy
    waiting.ede = ede
    waiting.errors.set(errors, 0, size)
    join(waiting, message, at, target, rules, inner)
    changeRcode(waiting, rules)
    done(waiting)
  }
  const ask = (): void => askServer(waiting, target, waiting.question.type, answered)
  // A stage below may be giving one answer to several that waited: it is not to be asked before it has.
  if (waited) queueMicrotask(ask)
  else ask()
}

/** Puts together the answer up to the record at `at`, and what its new target led to. */
function join(
  q: Query,
  message: Buffer,
  at: number,
  target: Buffer,
  rules: readonly ResponseRule[],
  inner: Query,
): void {
  if (inner.outcome !== Outcome.Message) {
    failWith(q, inner.error ?? 'no answer for the target of a CNAME', inner.ede)
    return
  }
  ownRecords ??= new Records()
  foundRecords ??= new Records()
  const own = { message, records: ownRecords }
  const found = { message: inner.out, records: foundRecords }
  scanRecords(message, message.length, q.question, own.records)
  if (
    scanRecords(found.message, inner.outLength, inner.question, found.records) !== WireStatus.Ok
  ) {
    failWith(q, 'reply cannot be parsed', Ede.InvalidData)
    return
  }
  // The end of a chain decides its rcode (RFC 6604 §2.1); two answers are not authentic as one.
  const kept = readFlags(message) & ~(RCODE_MASK | Flag.TC | Flag.AD)
  writeFlags(message, kept | (readFlags(inner.out) & (RCODE_MASK | Flag.TC)))
  rewrite(q, own, rules, { at, target, found })
}
