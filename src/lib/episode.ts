/** As long without another event, and an episode is over. */
const QUIET_MS = 60_000

/** Turns events that come in floods into one line of log for each flood. */
export class Episode {
  #last = -Infinity

  /** Notes an event at `now` (milliseconds of a monotonic clock); whether it is the first for a minute. */
  begins(now: number): boolean {
    const first = now - this.#last >= QUIET_MS
    this.#last = now
    return first
  }
}
