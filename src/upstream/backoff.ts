import { isDistrust } from './error-code.ts'

const FIRST_MS = 40
const LONGEST_MS = 640
/** Where nothing is to be expected, clients hear of it soon: no more than an attempt a tick or two, */
const BRIEF_MS = 20
/** or, where that is a handshake, which costs the upstream too, ten a second. */
const COSTLY_MS = 100
/** An upstream that was there is back by then, if it was only being replaced. */
const YOUNG_MS = 10_000

/**
 * The pause after a failed dial or a refused packet, with jitter, so that a closed port is tried dozens of times per
 * second at most, not thousands.
 *
 *     there ──failure──▶ away: 40 ms, then twice as long with each failure in a row, up to 640 ms: queries wait for a
 *       ▲                 │    pod that is being replaced
 *       └────success──────┤ 10 s
 *                         ▼
 *                       gone: 20 ms, or 100; so it is before the first success
 */
export class Backoff {
  /** Clock time before which nothing should be tried; 0 where nothing failed. */
  until = 0
  #pause: number = FIRST_MS
  /** Clock time until which it is believed to come back. */
  #hopeUntil = -Infinity
  #wasThere = false

  /**
   * Counts a failure. Several that come together, within one pause, are one.
   * @param code the system's word for it, or that of TLS; null where there is none
   */
  failed(now: number, code: string | null): void {
    if (now < this.until) return
    if (this.#wasThere) this.#hopeUntil = now + YOUNG_MS
    this.#wasThere = false
    const brief = code !== null && isDistrust(code) ? COSTLY_MS : BRIEF_MS
    const pause = now >= this.#hopeUntil ? brief : this.#pause
    this.until = now + pause * (0.75 + Math.random() / 2)
    this.#pause = Math.min(this.#pause * 2, LONGEST_MS)
  }

  /** Whether it was there a moment ago, and may soon be again. */
  isAway(now: number): boolean {
    return !this.#wasThere && now < this.#hopeUntil
  }

  succeeded(): void {
    this.#pause = FIRST_MS
    this.until = 0
    this.#wasThere = true
  }
}
