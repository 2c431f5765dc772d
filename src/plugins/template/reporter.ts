import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import type { Matched } from './data.ts'
import { countFailure } from './metrics.ts'
import type { Failed, RecordTemplate } from './record-template.ts'

/** One template's failures are logged once in this time, in ms. */
const LOG_EVERY_MS = 60_000

/** Counts records that could not be made, and tells of each template once a minute. */
export class Reporter {
  readonly #log: Log
  readonly #clock: Clock
  readonly #view: string

  /** @param view the name of the block */
  constructor(log: Log, clock: Clock, view: string) {
    this.#log = log
    this.#clock = clock
    this.#view = view
  }

  /** Takes note of a record that `made` could not make. */
  report(made: RecordTemplate, { kind, reason }: Failed, matched: Matched): void {
    const { class: klass, name, q, type, zone } = matched
    countFailure(kind, [q.server.name, zone.name, this.#view, klass, type, made.section, made.text])
    const { now } = this.#clock
    if (now - made.loggedAt < LOG_EVERY_MS) return
    made.loggedAt = now
    const { file, line } = made.token
    this.#log.error(`Cannot make a record for ${name}: ${reason} (${file}:${line})`)
  }
}
