import { Clock } from '../../src/lib/clock.ts'

/** A clock that tests move by hand. */
export class ManualClock extends Clock {
  constructor(start = 1_000_000) {
    super()
    this.now = start
  }

  override refresh(): number {
    return this.now
  }

  /** Moves the time forward by `ms` milliseconds. */
  advance(ms: number): void {
    this.now += ms
  }
}
