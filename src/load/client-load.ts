import type { Client, Outcome } from './client.ts'
import { type Load, type Origin, OWN_DELAY_MS, type Pace } from './load.ts'
import type { Recorder } from './recorder.ts'

/** Look-ups a closed loop begins with in each millisecond, more where it would take a second. */
const RAMP = 4
const MAX_RAMP_MS = 1000

/** Looks hosts up, one after the other, with a resolver of some manner. */
export class ClientLoad implements Load {
  unsent = 0
  readonly #client: Client
  readonly #hosts: readonly string[]
  readonly #pace: Pace
  readonly #origin: Origin
  #next = 0
  #turn: Turn | null = null

  constructor(client: Client, hosts: readonly string[], pace: Pace, origin: Origin) {
    this.#client = client
    this.#hosts = hosts
    this.#pace = pace
    this.#origin = origin
  }

  turn(ms: number, recorder: Recorder): Promise<void> {
    return new Promise((resolve) => {
      this.#turn = new Turn(ms, this.#pace, {
        begin: (done) => this.#client.lookUp(this.#host(), done),
        record: (latency, now, outcome) => recorder.record(latency, this.#origin.at(now), outcome),
        ended: (unsent) => {
          this.#turn = null
          this.unsent += unsent
          resolve()
        },
      })
      this.#turn.start()
    })
  }

  stop(): number {
    const left = this.#turn?.underWay ?? 0
    this.#client.close()
    this.#turn?.stop()
    return left
  }

  close(): void {
    this.#client.close()
  }

  #host(): string {
    const host = this.#hosts[this.#next]!
    this.#next = (this.#next + 1) % this.#hosts.length
    return host
  }
}

interface TurnParts {
  readonly begin: (done: (outcome: Outcome) => void) => void
  readonly record: (latencyMs: number, now: number, outcome: Outcome) => void
  readonly ended: (unsent: number) => void
}

/** A stretch of time in which requests begin, and the time until the last has ended. */
class Turn {
  underWay = 0
  readonly #pace: Pace
  readonly #parts: TurnParts
  readonly #start = performance.now()
  readonly #end: number
  /** Requests begun, in an open loop. */
  #begun = 0
  #timer: NodeJS.Timeout | null = null
  #over = false
  /** Whether the time is up in which requests of an open loop begin. */
  #closed = false

  constructor(ms: number, pace: Pace, parts: TurnParts) {
    this.#end = this.#start + ms
    this.#pace = pace
    this.#parts = parts
  }

  start(): void {
    if (this.#pace.rate !== null) return this.#follow(this.#pace.rate)
    this.#rampUp(0)
  }

  /** All at once would be a burst that no application makes, and queues on the way are not made for. */
  #rampUp(begun: number): void {
    this.#timer = null
    const { concurrency } = this.#pace
    const now = performance.now()
    if (this.#over || now >= this.#end) return this.#finishIfIdle()
    const next = Math.min(concurrency, begun + Math.max(RAMP, Math.ceil(concurrency / MAX_RAMP_MS)))
    for (let i = begun; i < next; i++) this.#begin(now)
    if (next < concurrency) this.#timer = setTimeout(() => this.#rampUp(next), 1)
  }

  stop(): void {
    this.#over = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#parts.ended(0)
  }

  /** Begins what is due, and comes back in a millisecond. */
  #follow(rate: number): void {
    if (this.#over) return
    const now = performance.now()
    this.#beginDue(now, rate)
    this.#closed = now >= this.#end
    const last = this.#due(this.#begun, rate)
    if (!this.#closed && last < this.#end) {
      this.#timer = setTimeout(
        () => this.#follow(rate),
        Math.max(1, Math.min(last, this.#end) - now),
      )
      return
    }
    this.#timer = null
    this.#finishIfIdle()
  }

  #finishIfIdle(): void {
    if (this.underWay === 0 && this.#timer === null) this.#finish()
  }

  #beginDue(now: number, rate: number): void {
    while (this.underWay < this.#pace.concurrency && !this.#closed) {
      const due = this.#due(this.#begun, rate)
      if (due > now || due >= this.#end) return
      this.#begun++
      this.#begin(now - due > OWN_DELAY_MS ? due : now)
    }
  }

  #due(request: number, rate: number): number {
    return this.#start + (request * 1000) / rate
  }

  #begin(from: number): void {
    this.underWay++
    let called = true
    this.#parts.begin((outcome) => {
      if (this.#over) return
      this.underWay--
      const now = performance.now()
      this.#parts.record(now - from, now, outcome)
      // What ends at once, a name that cannot be asked, must not go round within one turn of the event loop.
      if (called) setImmediate(() => this.#goOn())
      else this.#goOn()
    })
    called = false
  }

  #goOn(): void {
    if (this.#over) return
    const now = performance.now()
    const { rate } = this.#pace
    if (rate !== null) this.#beginDue(now, rate)
    else if (now < this.#end) return this.#begin(now)
    this.#finishIfIdle()
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    const { rate } = this.#pace
    const due = rate === null ? 0 : Math.ceil(((this.#end - this.#start) * rate) / 1000 - 1e-6)
    this.#parts.ended(Math.max(0, due - this.#begun))
  }
}
