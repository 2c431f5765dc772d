import type { ConsideredUpstream, UpstreamState } from '../../serve/inspection.ts'
import { keptQueries } from '../../serve/kept-queries.ts'
import type { Handler } from '../../serve/plugin.ts'
import { Protocol, type Query } from '../../serve/query.ts'
import { type ZoneTable, zoneTable } from '../../serve/zone-table.ts'
import { Transport } from '../../upstream/counters.ts'
import { Ede, Rcode } from '../../wire/codes.ts'
import { HEADER_SIZE } from '../../wire/header.ts'
import { textToName } from '../../wire/name.ts'
import { Aside } from './aside.ts'
import type { ForwardConfig } from './config.ts'
import { forwardCounters } from './counters.ts'
import { consider, inspect } from './inspect.ts'
import type { ErrandRules } from './errand-rules.ts'
import { Errand } from './errand.ts'
import { MergedQuestions } from './merged.ts'
import { MuteServers } from './partial-answer.ts'
import { makePolicy } from './policy.ts'
import type { Taps } from './taps.ts'
import type { UpstreamList } from './upstream-list.ts'

/** More free errands than this are left to the garbage collector. */
const POOL_LIMIT = 1024

export interface ForwarderParts {
  readonly config: ForwardConfig
  readonly list: UpstreamList
  /** Takes the queries this directive is not for. */
  readonly next: Handler
  /** The same, where that is another `forward`. */
  readonly nextForward: Handler | null
  /** Told of what upstreams are asked; null where nobody wants to know. */
  readonly taps: Taps | null
  readonly done: Handler
}

/** The handler of one `forward` directive. */
export class Forwarder {
  readonly #parts: ForwarderParts
  readonly #rules: ErrandRules
  /** Infinite where `max_concurrent` is not set: then the bound on kept queries is the only one. */
  readonly #limit: number
  /** Null where every name is forwarded. */
  readonly #zone: ZoneTable<true> | null
  readonly #except: ZoneTable<true> | null
  /** Octets of FROM's name: a query for FROM itself is forwarded whatever `except` says. */
  readonly #fromSize: number
  /** Made when first needed, as most never are where there are many blocks. */
  #aside: Aside | null = null
  #merged: MergedQuestions | null = null
  readonly #free: Errand[] = []
  #underWay = 0

  constructor(parts: ForwarderParts) {
    const { config, list, nextForward, taps } = parts
    this.#parts = parts
    this.#limit = config.maxConcurrent === 0 ? Infinity : config.maxConcurrent
    this.#zone = config.from === '.' ? null : zoneTable([config.from])
    this.#except = config.except.length === 0 ? null : zoneTable(config.except)
    this.#fromSize = textToName(config.from, new Uint8Array(256), 0)
    this.#rules = {
      context: list.context,
      policy: makePolicy(config.policy),
      maxAttempts: config.maxConnectAttempts,
      readTimeout: config.readTimeout,
      failfast: config.failfast,
      failover: bits(config.failover),
      next: bits(config.next),
      nextOnNodata: config.nextOnNodata,
      nextForward,
      mute: new MuteServers(),
      taps,
      done: this.#done,
    }
  }

  readonly handle = (q: Query): void => {
    if (!this.takes(q)) {
      this.#parts.next(q)
      return
    }
    if (q.asker !== null) {
      this.#aside ??= new Aside(this.#rules)
      this.#aside.ask(q.keep(), this.#parts.list.current, this.#transport(q))
      return
    }
    if (this.#underWay >= this.#limit) {
      forwardCounters.rejected++
      this.#refuse(q, `concurrent queries exceeded maximum ${this.#limit}`)
      return
    }
    // What comes through a cache is counted and merged there.
    if (q.kept) this.#send(q)
    else if (keptQueries.admits(q)) this.#merging().ask(q)
    else this.#refuse(q, 'too many misses under way')
  }

  #merging(): MergedQuestions {
    const { done, list } = this.#parts
    this.#merged ??= new MergedQuestions({ clock: list.context.clock, ask: this.#send, done })
    return this.#merged
  }

  /** Asks for a kept query. */
  readonly #send = (q: Query): void => {
    this.#underWay++
    const errand = this.#free.pop() ?? new Errand(this.#rules, this.#release)
    errand.start(q, this.#parts.list.current, this.#transport(q))
  }

  /** A query has its outcome: one of this directive's, or of one before it. */
  readonly #done = (q: Query): void => {
    if (!MergedQuestions.end(q)) this.#parts.done(q)
  }

  #refuse(q: Query, error: string): void {
    q.fail(Rcode.Refused, error, Ede.Other)
    q.answeredBy = 'forward'
    this.#done(q)
  }

  /** Ends what is asked on the daemon's own account. */
  stop(): void {
    this.#aside?.stop()
  }

  /** Whether the query is this directive's. */
  takes(q: Query): boolean {
    if (this.#zone !== null && this.#zone.find(q.wire, q.question) === undefined) return false
    if (this.#except === null || q.question.nameEnd - HEADER_SIZE === this.#fromSize) return true
    return this.#except.find(q.wire, q.question) === undefined
  }

  /** Its upstreams as they are doing. */
  inspect(): readonly UpstreamState[] {
    const { config, list } = this.#parts
    const { now } = list.context.clock
    return list.current.map((upstream) => inspect(upstream, config, now))
  }

  /** The same, and who would be asked first now. */
  consider(): readonly ConsideredUpstream[] {
    const { config, list } = this.#parts
    return consider(list.current, config, this.#rules.policy, list.context.clock.now)
  }

  #transport(q: Query): Transport {
    const { forceTcp, preferUdp } = this.#parts.config
    if (forceTcp) return Transport.Tcp
    return preferUdp || q.target.protocol === Protocol.Udp ? Transport.Udp : Transport.Tcp
  }

  /** Takes an errand back for another query. */
  readonly #release = (errand: Errand): void => {
    this.#underWay--
    if (this.#free.length < POOL_LIMIT) this.#free.push(errand)
  }
}

/** Rcodes as a bit set; those above 15 need OPT and never come through here. */
function bits(rcodes: readonly number[]): number {
  let set = 0
  for (const rcode of rcodes) if (rcode < 16) set |= 1 << rcode
  return set
}
