import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import { plural } from '../../lib/plural.ts'
import type { Query } from '../../serve/query.ts'
import { LineLimit } from '../../telemetry/line-limit.ts'
import { isBlocked } from '../../telemetry/log.ts'
import { rcodeName, typeName } from '../../wire/codes.ts'
import { nameText } from '../../wire/question.ts'
import type { Consolidation, Level } from './config.ts'
import { Tally } from './tally.ts'

/** Lines a second for one error: the first names that fail say what more of them would say. */
const LINES_PER_ERROR = 3
/** An error's text names its upstream, so that there are few; with more all begin anew. */
const MAX_ERRORS = 64

/** Logs the errors of queries, one by one or summed up. */
export class Reporter {
  readonly #log: Log
  readonly #clock: Clock
  /** Of all errors together. */
  readonly #limit: LineLimit
  /** By their text. */
  #limits: Map<string, LineLimit> | null = null
  readonly #tallies: readonly Tally[]

  constructor(consolidations: readonly Consolidation[], log: Log, clock: Clock) {
    this.#log = log
    this.#clock = clock
    this.#limit = new LineLimit(clock, (lines) => {
      log.warning(
        `${plural(lines, 'further error in the last second was', 'further errors in the last second were')} not logged`,
      )
    })
    this.#tallies = consolidations.map((config) => new Tally(config, log))
  }

  /** Takes note of a query that ended with `error`. */
  report(q: Query, error: string): void {
    for (const tally of this.#tallies) {
      if (!tally.config.pattern.test(error)) continue
      if (tally.count()) this.#write(q, error, tally.config.level)
      return
    }
    this.#write(q, error, 'error')
  }

  /** Writes what is only counted so far. */
  flush(): void {
    for (const tally of this.#tallies) tally.flush()
    for (const limit of this.#limits?.values() ?? []) limit.flush()
    this.#limit.flush()
  }

  #limitOf(error: string): LineLimit {
    const limits = (this.#limits ??= new Map<string, LineLimit>())
    const known = limits.get(error)
    if (known !== undefined) return known
    if (limits.size === MAX_ERRORS) {
      for (const limit of limits.values()) limit.flush()
      limits.clear()
    }
    const leftOut = (lines: number): void => {
      const queries = plural(lines, 'further query', 'further queries')
      this.#log.error(`${queries} failed within a second: ${error}`)
    }
    const limit = new LineLimit(this.#clock, leftOut, LINES_PER_ERROR)
    limits.set(error, limit)
    return limit
  }

  #write(q: Query, error: string, level: Level): void {
    if (!this.#limitOf(error).allows() || !this.#limit.allows() || isBlocked(this.#log)) return
    const name = nameText(q.wire, q.question, true)
    const type = typeName(q.question.type)
    const fields = { name, type, rcode: rcodeName(q.rcode) }
    this.#log[level](`${q.rcode} ${name} ${type}: ${error}`, fields)
  }
}
