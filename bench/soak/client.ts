import type { Latency } from '../../src/load/result.ts'
import { found } from '../../src/load/client.ts'
import { Lag } from '../../src/load/lag.ts'
import { Recorder } from '../../src/load/recorder.ts'
import type { Sockets } from '../../src/load/sockets.ts'
import { typeName } from '../../src/wire/codes.ts'
import type {
  ClientOptions,
  ClientReport,
  Failure,
  Interval,
  ServerMetrics,
  Tally,
} from './client-report.ts'
import { Exchange, type StepOwner } from './exchange.ts'
import { type LookUp, Mix, queriesOf } from './mix.ts'

/** What glibc waits for an answer, ms. */
const TIMEOUT_MS = 5_000
/** Look-ups begin, and what is overdue is given up, this often. */
const TICK_MS = 1
/** Queries of a tick at most: a client that was held up makes no burst of it. */
const MOST_PER_TICK = 64
const LEAST_STRETCH_MS = 3_000
const SHOWN_FAILURES = 100

/** The figures of a stretch of time. */
class Stretch {
  sent = 0
  answered = 0
  failed = 0
  readonly recorder: Recorder

  constructor(seconds: number) {
    this.recorder = new Recorder(TIMEOUT_MS, seconds)
  }

  tally(): Tally {
    const { sent, answered, failed } = this
    const latency: Latency | null = this.recorder.latency()
    return { sent, answered, failed, latency }
  }
}

/** Asks a server what the pods of a node would, at a steady rate, and checks every answer. */
export class Client implements StepOwner {
  readonly #options: ClientOptions
  readonly #sockets: Sockets
  readonly #readMetrics: () => Promise<ServerMetrics | null>
  readonly #mix: Mix
  readonly #lag = new Lag()
  readonly #total: Stretch
  #interval: Stretch
  readonly #intervals: Interval[] = []
  readonly #failures: Failure[] = []
  readonly #kinds: Record<string, number> = {}
  /** In the order they were sent, with what is still to come of their look-ups. */
  readonly #underWay = new Map<Exchange, LookUp>()
  #from = 0
  /** Queries of all look-ups that have begun. */
  #planned = 0
  #start = 0
  #stopping = false

  constructor(
    options: ClientOptions,
    sockets: Sockets,
    readMetrics: () => Promise<ServerMetrics | null>,
  ) {
    this.#options = options
    this.#sockets = sockets
    this.#readMetrics = readMetrics
    this.#mix = new Mix(options.seed)
    this.#total = new Stretch(options.seconds)
    this.#interval = new Stretch(options.intervalSeconds)
  }

  /** Begins no further look-ups. */
  stop(): void {
    this.#stopping = true
  }

  /** Asks for the time given, or until it is stopped; resolves once everything is answered or given up. */
  async run(): Promise<ClientReport> {
    const startedAt = Date.now()
    this.#start = performance.now()
    this.#lag.start()
    const end = this.#start + this.#options.seconds * 1000
    const everySecond = this.#options.intervalSeconds * 1000
    let next = this.#start + everySecond
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const now = performance.now()
        this.#expire(now)
        if (now >= end) this.#stopping = true
        if (!this.#stopping) this.#beginDue(now)
        else if (this.#underWay.size === 0) {
          clearInterval(timer)
          resolve()
        }
        if (now >= next) {
          next += everySecond
          void this.#endInterval()
        }
      }, TICK_MS)
    })
    this.#lag.stop()
    // Of a run that was ended early; what is left of another one is no stretch.
    if (performance.now() - next + everySecond > LEAST_STRETCH_MS) await this.#endInterval()
    const metrics = await this.#readMetrics()
    return {
      startedAt,
      total: this.#total.tally(),
      intervals: this.#intervals,
      failures: this.#failures,
      kinds: this.#kinds,
      lag: this.#lag.figures(),
      metrics,
    }
  }

  ended(exchange: Exchange, type: number, what: string): void {
    const { step, sentAt } = exchange
    const now = performance.now()
    const at = (now - this.#start) / 1000
    for (const stretch of [this.#total, this.#interval]) {
      stretch.recorder.record(now - sentAt, at, found)
      if (what === '') stretch.answered++
      else stretch.failed++
    }
    if (what === '') return
    // A resolver goes no further down its search list without an answer.
    this.#underWay.set(exchange, [])
    const kind = what.includes(' ') ? 'wrong' : what
    this.#kinds[kind] = (this.#kinds[kind] ?? 0) + 1
    if (this.#failures.length === SHOWN_FAILURES) return
    const sent = Date.now() - Math.round(now - sentAt)
    this.#failures.push({ at: sent, name: step.name, type: typeName(type), what })
  }

  over(exchange: Exchange): void {
    const [step, ...rest] = this.#underWay.get(exchange) ?? []
    this.#underWay.delete(exchange)
    if (step !== undefined && !this.#stopping) this.#ask([step, ...rest])
  }

  #beginDue(now: number): void {
    const due = Math.floor(((now - this.#start) * this.#options.rate) / 1000)
    for (let left = MOST_PER_TICK; left > 0 && this.#planned < due;) {
      const lookUp = this.#mix.next()
      const queries = queriesOf(lookUp)
      this.#planned += queries
      left -= queries
      this.#ask(lookUp)
    }
  }

  #ask([step, ...rest]: LookUp): void {
    if (step === undefined) return
    const { from, server } = this.#options
    this.#from = (this.#from + 1) % from.length
    const exchange = new Exchange(this.#sockets, server, from[this.#from]!, step, this)
    this.#underWay.set(exchange, rest)
    this.#total.sent += step.types.length
    this.#interval.sent += step.types.length
  }

  #expire(now: number): void {
    for (const exchange of this.#underWay.keys()) {
      if (now - exchange.sentAt < TIMEOUT_MS) return
      exchange.giveUp('timeout')
    }
  }

  async #endInterval(): Promise<void> {
    const ended = this.#interval
    const at = Date.now()
    this.#interval = new Stretch(this.#options.intervalSeconds)
    const metrics = await this.#readMetrics()
    this.#intervals.push({ at, ...ended.tally(), metrics })
  }
}
