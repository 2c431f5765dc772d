import type { Clock } from '../lib/clock.ts'

/** Idle sockets live up to this much longer than they should. */
const PERIOD_MS = 1000

/** Something that holds sockets which are closed when nobody uses them. */
export interface Sweepable {
  /** Closes what has been idle for too long; false where nothing is left to look after. */
  sweep(now: number): boolean
}

/** Looks after idle sockets once a second, on one timer that runs only while there are any. */
export class Sweeper {
  readonly #clock: Clock
  readonly #all = new Set<Sweepable>()
  #interval: NodeJS.Timeout | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Includes `one` until its `sweep` returns false. */
  add(one: Sweepable): void {
    this.#all.add(one)
    if (this.#interval !== null) return
    this.#interval = setInterval(() => this.run(), PERIOD_MS)
    this.#interval.unref()
  }

  run(): void {
    const now = this.#clock.refresh()
    for (const one of this.#all) if (!one.sweep(now)) this.#all.delete(one)
    if (this.#all.size > 0 || this.#interval === null) return
    clearInterval(this.#interval)
    this.#interval = null
  }
}
