const FIRST_MS = 40
const LONGEST_MS = 640

/**
 * The pause after a failed dial or a refused packet: it doubles with each failure in a row and has
 * jitter, so that a closed port is tried a few times per second, not thousands of times.
 */
export class Backoff {
  /** Clock time before which nothing should be tried; 0 where nothing failed. */
  until = 0
  #pause: number = FIRST_MS

  /** Counts a failure. Several that come together, within one pause, are one. */
  failed(now: number): void {
    if (now < this.until) return
    this.until = now + this.#pause * (0.75 + Math.random() / 2)
    this.#pause = Math.min(this.#pause * 2, LONGEST_MS)
  }

  succeeded(): void {
    this.#pause = FIRST_MS
    this.until = 0
  }
}
