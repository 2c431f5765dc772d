import { askServer } from '../../serve/inner-question.ts'
import { keptQueries } from '../../serve/kept-queries.ts'
import type { Handler } from '../../serve/plugin.ts'
import { NO_EDE, Outcome, type Query } from '../../serve/query.ts'
import { read16 } from '../../wire/bytes.ts'
import { Class, Ede, Flag, Rcode, Type } from '../../wire/codes.ts'
import { readFlags } from '../../wire/header.ts'
import { copyName, MAX_NAME } from '../../wire/name.ts'
import { dataInFull } from '../../wire/rdata.ts'
import { CLASS_TO_TTL, TTL_TO_RDATA } from '../../wire/record-layout.ts'
import { readTtl, Records, scanRecords } from '../../wire/records.ts'
import { WireStatus } from '../../wire/status.ts'
import type { TemplateConfig } from './config.ts'
import type { Matched } from './data.ts'
import { type Failed, isFailed, type OwnRecord, type RecordTemplate } from './record-template.ts'
import { failWith, type ReplyRecords, writeAnswer } from './reply.ts'
import type { Reporter } from './reporter.ts'

/** Made when first needed; what it says of a reply is used before the next one is asked for. */
let found: Records | null = null

/**
 * Answers a query that a template matched, and ends it at `done`: later, where CNAME records lead on and the
 * server is asked for what they lead to.
 */
export function answer(
  config: TemplateConfig,
  matched: Matched,
  reporter: Reporter,
  done: Handler,
): void {
  const { q } = matched
  const records: ReplyRecords = { answer: [], authority: [], additional: [] }
  if (config.rcode === Rcode.ServFail) {
    failWith(q, Rcode.ServFail, config.error)
    done(q)
    return
  }
  const failed =
    makeAll(config.answer, matched, reporter, records.answer) ??
    makeAll(config.additional, matched, reporter, records.additional) ??
    makeAll(config.authority, matched, reporter, records.authority)
  if (failed !== null) {
    q.fail(Rcode.ServFail, failed.reason, Ede.Other)
    q.answeredBy = 'template'
    done(q)
    return
  }
  const asksForAddress = q.question.type === Type.A || q.question.type === Type.AAAA
  if (asksForAddress && records.answer.some(({ type }) => type === Type.CNAME)) {
    lookUpTargets(q, config, records, done)
    return
  }
  writeAnswer(q, config.rcode, config.error, records, false)
  done(q)
}

/** Makes the records of a section; returns the first failure, null where there is none. */
function makeAll(
  templates: readonly RecordTemplate[],
  matched: Matched,
  reporter: Reporter,
  records: OwnRecord[],
): Failed | null {
  for (const template of templates) {
    const made = template.make(matched)
    if (isFailed(made)) {
      reporter.report(template, made, matched)
      return made
    }
    if (made !== null) records.push(made)
  }
  return null
}

function lookUpTargets(
  q: Query,
  config: TemplateConfig,
  records: ReplyRecords,
  done: Handler,
): void {
  if (!q.kept && !keptQueries.admits(q)) {
    q.fail(Rcode.Refused, 'too many misses under way', Ede.Other)
    q.answeredBy = 'template'
    done(q)
    return
  }
  const look = new TargetLookUp(q.keep(), config, records, done)
  look.next(0)
}

/** An answer whose CNAME records lead on: behind each comes what its target has, as the server knows it. */
class TargetLookUp {
  readonly #q: Query
  readonly #config: TemplateConfig
  readonly #records: ReplyRecords
  readonly #done: Handler
  readonly #answer: OwnRecord[] = []
  #isTruncated = false
  #ede: number = NO_EDE

  constructor(q: Query, config: TemplateConfig, records: ReplyRecords, done: Handler) {
    this.#q = q
    this.#config = config
    this.#records = records
    this.#done = done
  }

  /** Goes on at this record of the answer section. */
  next(at: number): void {
    const { answer: own } = this.#records
    for (let i = at; i < own.length; i++) {
      const record = own[i]!
      this.#answer.push(record)
      if (record.type !== Type.CNAME) continue
      const told = (inner: Query): void => {
        this.#take(inner)
        this.next(i + 1)
      }
      askServer(this.#q, record.data, this.#q.question.type, told, Class.IN)
      return
    }
    this.#end()
  }

  /** Who asks may follow the CNAME record itself: a target that nobody finds here is no failure. */
  #take(inner: Query): void {
    if (inner.outcome !== Outcome.Message) {
      if (inner.ede !== NO_EDE) this.#ede = inner.ede
      return
    }
    found ??= new Records()
    const { out } = inner
    if (scanRecords(out, inner.outLength, inner.question, found) !== WireStatus.Ok) return
    if ((readFlags(out) & Flag.TC) !== 0) this.#isTruncated = true
    for (let i = 0; i < found.answerCount; i++) this.#answer.push(recordAt(out, found, i))
  }

  #end(): void {
    const q = this.#q
    const { error, rcode } = this.#config
    writeAnswer(q, rcode, error, { ...this.#records, answer: this.#answer }, this.#isTruncated)
    q.ede = this.#ede
    this.#done(q)
  }
}

/** A copy of a scanned record, names in full: the message and what its names point at are lent. */
function recordAt(b: Buffer, records: Records, i: number): OwnRecord {
  const ttlAt = records.ttlAt[i]!
  const type = records.types[i]!
  const owner = new Uint8Array(MAX_NAME)
  return {
    owner: owner.subarray(0, copyName(b, records.starts[i]!, owner, 0)),
    type,
    class: read16(b, ttlAt - CLASS_TO_TTL),
    ttl: readTtl(b, ttlAt),
    data: dataInFull(b, type, ttlAt + TTL_TO_RDATA, records.ends[i]!),
  }
}
