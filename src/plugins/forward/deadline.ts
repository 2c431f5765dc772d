import { Timer } from '../../lib/timer-wheel.ts'
import type { UpstreamContext } from '../../upstream/context.ts'

/** What CoreDNS's usual attempts take, two of 2 s each: who wants them to take less is to have an answer sooner. */
const USUAL_MS = 4000

/** When a query is given up: as soon as somebody said. */
export class Deadline {
  readonly #context: UpstreamContext
  readonly #timer: Timer
  /** Clock time. */
  #until = 0

  constructor(context: UpstreamContext, expired: () => void) {
    this.#context = context
    this.#timer = new Timer(expired)
  }

  /** At `until` (clock time), or after `ms` milliseconds where that is sooner. */
  begin(until: number, ms: number): void {
    this.#until = until
    this.within(ms)
  }

  /** After `ms` milliseconds, or at the next tick where these are over; where it is sooner already nothing changes. */
  within(ms: number): void {
    const { clock, wheel } = this.#context
    this.#until = Math.min(this.#until, clock.now + ms)
    wheel.set(this.#timer, this.#until - clock.now)
  }

  clear(): void {
    this.#timer.clear()
  }
}

/** Milliseconds that all attempts would take in CoreDNS, where those are fewer or shorter than usual; else infinite. */
export function timeFor(attempts: number, readTimeout: number): number {
  const ms = attempts * readTimeout
  return ms > 0 && ms < USUAL_MS ? ms : Infinity
}
