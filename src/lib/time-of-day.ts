import type { Clock } from './clock.ts'

/** The clock may be as old as a batch of queries: no less is a time of day that was set. */
const DRIFT_MS = 20

/** Times of a monotonic clock as times of day. */
export class TimeOfDay {
  readonly #clock: Pick<Clock, 'now'>
  /** When the clock was 0, in milliseconds since 1970. */
  #epoch = 0

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** Milliseconds since 1970 for a time of the clock. */
  at(time: number): number {
    const { now } = this.#clock
    const epoch = Date.now() - now
    // The time of day has whole milliseconds, and may be set; the clock's have fractions, in order.
    if (Math.abs(epoch - this.#epoch) > DRIFT_MS) this.#epoch = epoch
    return this.#epoch + time
  }
}
