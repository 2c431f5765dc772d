import { setImmediate as nextTurn } from 'node:timers/promises'

import type { CompiledBlock } from '../daemon/compile.ts'
import { plural } from '../lib/plural.ts'
import type { CacheContents, CachedAnswer } from '../serve/inspection.ts'
import { Outcome, type Query } from '../serve/query.ts'
import type { UpstreamExchange } from '../serve/plugin.ts'
import type { Server } from '../serve/server.ts'
import { spectator } from '../serve/spectator.ts'
import { Flag, rcodeName, Type } from '../wire/codes.ts'
import { rcodeOf, readCount, readFlags, Section } from '../wire/header.ts'
import { recordText } from '../wire/presentation/record-text.ts'
import { nameText, parseQuestion, Question } from '../wire/question.ts'
import { Records, scanRecords } from '../wire/records.ts'
import type { AskedTrace } from './api.ts'
import { OperatorTarget, operatorQuery } from './dry-query.ts'
import { explainBlock } from './explain-block.ts'
import { AdminError } from './routes.ts'

/** Queries of clients are answered within 4.4 s, if only with SERVFAIL. */
const PATIENCE_MS = 5_000

export interface TraceParts {
  readonly server: Server
  readonly block: CompiledBlock | null
  /** Canonical. */
  readonly name: string
  readonly type: number
}

let isUnderWay = false

/**
 * Asks a question as a client on this machine would, and notes what becomes of it: it is counted and
 * logged as a client's, its answer is cached. Never longer than 5 s. Rejects with AdminError 503 while
 * another one is asked.
 */
export async function traceQuestion(parts: TraceParts): Promise<AskedTrace> {
  if (isUnderWay) throw new AdminError(503, 'another question is under way: try again')
  isUnderWay = true
  const trace = new Trace(parts)
  spectator.exchanged = (q, exchange) => trace.exchanged(q, exchange)
  try {
    return await trace.run()
  } finally {
    spectator.exchanged = null
    isUnderWay = false
  }
}

type Answer = Omit<AskedTrace, 'steps' | 'milliseconds'> & { readonly error: string | null }

class Trace {
  readonly #parts: TraceParts
  readonly #target: OperatorTarget
  readonly #steps: { atMs: number; what: string }[] = []
  /** The question behind `rewrite`: what exchanges and the cache have. */
  #name: string
  #type: number
  #began = 0
  /** Whether an upstream has answered: attempts that are still under way are given up then. */
  #isAnswered = false

  constructor(parts: TraceParts) {
    this.#parts = parts
    this.#target = new OperatorTarget(parts.server.identity)
    this.#name = parts.name
    this.#type = parts.type
  }

  async run(): Promise<AskedTrace> {
    const { block, server } = this.#parts
    this.#began = performance.now()
    this.#note(`asked ${server.identity.name} over UDP, as a client at 127.0.0.1`)
    const contents = this.#foresee(block)
    const before = contents?.lookUp(this.#name, this.#type) ?? []
    const { error, ...answer } = await this.#ask()
    const took = performance.now() - this.#began
    // What waits for the same answer is told in the same turn: the cache has it by now.
    await nextTurn()
    if (contents !== null && answer.plugin !== 'cache') {
      this.#noteStored(contents.lookUp(this.#name, this.#type), before, took)
    }
    if (error !== null) this.#note(`${answer.plugin || 'the server'} gives up: ${error}`, took)
    const stale = answer.isStale ? ', with an answer that has expired' : ''
    const who = answer.plugin || 'the server'
    this.#note(`answered ${answer.rcode || 'nothing'} by ${who}${stale}`, took)
    const steps = this.#steps.toSorted((a, b) => a.atMs - b.atMs)
    return { ...answer, milliseconds: rounded(took), steps }
  }

  /** Notes what the plugins are about to do. Returns the cache, null where there is none. */
  #foresee(block: CompiledBlock | null): CacheContents | null {
    if (block === null) {
      this.#note('no server block serves the name')
      return null
    }
    const { plugins, name, type } = explainBlock(block, this.#query())
    this.#name = name
    this.#type = type
    for (const plugin of plugins) {
      if (plugin.reached && plugin.name !== 'forward')
        for (const says of plugin.says) this.#note(`${plugin.name}: ${says}`)
    }
    return block.stages.find(({ stage }) => stage.contents !== undefined)?.stage.contents ?? null
  }

  #query(): Query {
    const { name, server, type } = this.#parts
    return operatorQuery(this.#target, server.identity, name, type, this.#began)
  }

  #ask(): Promise<Answer> {
    return new Promise((resolve) => {
      const silent = { ...noAnswer, error: 'no answer within 5 s' }
      const timer = setTimeout(() => {
        this.#target.answered = null
        resolve(silent)
      }, PATIENCE_MS)
      this.#target.answered = (q) => {
        clearTimeout(timer)
        resolve(answerOf(q))
      }
      this.#parts.server.dispatch(this.#query())
    })
  }

  /** Told of every exchange of the daemon meanwhile: those for this question are noted. */
  exchanged(q: Query, { query, reply, sentAt, transport, upstream }: UpstreamExchange): void {
    if (q.target !== this.#target && !this.#isOurs(query)) return
    const [sent, now] = [sentAt - this.#began, performance.now() - this.#began]
    const asker = q.target === this.#target ? '' : ', for another client'
    this.#note(`forward: asked ${upstream} over ${transport}${asker}`, sent)
    const ms = rounded(now - sent)
    if (reply === null) {
      const what = this.#isAnswered
        ? `${upstream} is waited for no longer, after ${ms} ms`
        : `no answer from ${upstream} in ${ms} ms`
      this.#note(`forward: ${what}`, now)
      return
    }
    this.#isAnswered = true
    const rcode = rcodeName(rcodeOf(readFlags(reply)))
    const cut = (readFlags(reply) & Flag.TC) === 0 ? '' : ', cut off (TC)'
    const records = readCount(reply, Section.Answer)
    const what = `${rcode}, ${plural(records, 'answer record')}, ${reply.length} octets${cut}`
    this.#note(`forward: ${upstream} answered after ${ms} ms: ${what}`, now)
  }

  #isOurs(query: Uint8Array): boolean {
    const question = new Question()
    parseQuestion(query, query.length, question)
    return nameText(query, question, true) === this.#name && question.type === this.#type
  }

  /** The cache's part, where it has another answer than before. */
  #noteStored(after: readonly CachedAnswer[], before: readonly CachedAnswer[], atMs: number): void {
    if (after.length === 0) this.#note('cache: not stored', atMs)
    for (const { dnssecOk, checkingDisabled, rcode, store, ttl } of after) {
      const old = before.find(
        (one) =>
          one.dnssecOk === dnssecOk &&
          one.checkingDisabled === checkingDisabled &&
          one.store === store,
      )
      if (old !== undefined && old.ttl >= ttl) continue
      this.#note(`cache: stored ${rcode} for ${ttl} s`, atMs)
    }
  }

  #note(what: string, atMs: number = performance.now() - this.#began): void {
    this.#steps.push({ atMs: rounded(atMs), what })
  }
}

const noAnswer = { rcode: '', plugin: '', isStale: false, records: [] }

function answerOf(q: Query): Answer {
  const { answeredBy: plugin, error, out, outLength, question, rcode } = q
  if (q.outcome === Outcome.Drop) {
    return { ...noAnswer, plugin, error: 'dropped: the client gets no answer' }
  }
  const records = new Records()
  scanRecords(out, outLength, question, records)
  const shown = Array.from({ length: records.count }, (_, i) => i)
    .filter((i) => records.types[i] !== Type.OPT)
    .map((i) => recordText(out, records, i))
  const isCut = (readFlags(out) & Flag.TC) !== 0
  return {
    rcode: rcodeName(rcode),
    plugin,
    isStale: q.isStale,
    records: shown,
    error: error ?? (isCut ? 'the answer is cut off: a client asks again over TCP' : null),
  }
}

/** To a hundredth of a millisecond. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
