const FIRST_MS = 40
const LONGEST_MS = 1000

/**
 * The pause after a failed dial or a refused packet: it doubles with each failure in a row and has
 * jitter, so that a closed port is tried a few times per second, not thousands of times.
 */
export class Backoff {
  /** Clock time before which nothing should be tried; 0 where nothing failed. */
  until = 0
  #failures = 0

  failed(now: number): void {
    // Several dials may fail together: they are one failure.
    if (now < this.until) return
    const pause = Math.min(FIRST_MS * 2 ** this.#failures, LONGEST_MS)
    if (pause < LONGEST_MS) this.#failures++
    this.until = now + pause * (0.75 + Math.random() / 2)
  }

  succeeded(): void {
    this.#failures = 0
    this.until = 0
  }
}
