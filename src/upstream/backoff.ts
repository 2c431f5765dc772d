const FIRST_MS = 40
const LONGEST_MS = 640
/** Where nothing is to be expected, clients hear of it at once: no more than an attempt a tick or two. */
const BRIEF_MS = 20
/** An upstream that was there is back by then, if it was only being replaced. */
const YOUNG_MS = 3000

/**
 * The pause after a failed dial or a refused packet, with jitter, so that a closed port is tried dozens of times per
 * second at most, not thousands.
 *
 *     there ──failure──▶ away: 40 ms, then twice as long with each failure in a row, up to 640 ms: queries wait for a
 *       ▲                 │    pod that is being replaced
 *       └────success──────┤ 3 s
 *                         ▼
 *                       gone: 20 ms; so it is before the first success
 */
export class Backoff {
  /** Clock time before which nothing should be tried; 0 where nothing failed. */
  until = 0
  readonly #costly: boolean
  #pause: number = FIRST_MS
  /** Clock time until which it is believed to come back. */
  #hopeUntil = -Infinity
  #wasThere = false

  /** @param costly whether an attempt takes more than a packet or two, at the upstream too: then pauses are always long */
  constructor(costly: boolean = false) {
    this.#costly = costly
  }

  /** Counts a failure. Several that come together, within one pause, are one. */
  failed(now: number): void {
    if (now < this.until) return
    if (this.#wasThere) this.#hopeUntil = now + YOUNG_MS
    this.#wasThere = false
    const isGone = !this.#costly && now >= this.#hopeUntil
    const pause = isGone ? BRIEF_MS : this.#pause
    this.until = now + pause * (0.75 + Math.random() / 2)
    this.#pause = Math.min(this.#pause * 2, LONGEST_MS)
  }

  succeeded(): void {
    this.#pause = FIRST_MS
    this.until = 0
    this.#wasThere = true
  }
}
