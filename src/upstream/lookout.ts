import type { Clock } from '../lib/clock.ts'
import { TICK_MS, Timer, type TimerWheel } from '../lib/timer-wheel.ts'

/** A look that comes later than this was held up: the wheel is late by a tick at most. */
const HELD_UP_MS = 1.5 * TICK_MS

/** Looks after something at the next tick of the wheel, at most 10 ms from when it is asked to. */
export class Lookout {
  readonly #clock: Clock
  readonly #wheel: TimerWheel
  readonly #timer: Timer
  #askedAt = 0

  /**
   * @param look called once; `heldUp` where this process, and so perhaps the whole machine, had no time
   *     meanwhile: whoever looks late then need not be
   */
  constructor(clock: Clock, wheel: TimerWheel, look: (heldUp: boolean) => void) {
    this.#clock = clock
    this.#wheel = wheel
    this.#timer = new Timer(() => look(this.#clock.now - this.#askedAt > HELD_UP_MS))
  }

  /** Looks at the next tick, once however often this is called before. */
  soon(): void {
    if (this.#timer.isSet) return
    this.#askedAt = this.#clock.now
    this.#wheel.set(this.#timer, 1)
  }
}
