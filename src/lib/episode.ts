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

/** Kinds that are told apart: what has more of them takes its words from others. */
const MOST_KINDS = 16

/** Episodes of several kinds, each known by its words. */
export class Episodes {
  readonly #kinds = new Map<string, Episode>()

  /** Notes an event of a kind at `now`; whether it is the first of this kind for a minute. */
  begins(kind: string, now: number): boolean {
    const known = this.#kinds.size < MOST_KINDS || this.#kinds.has(kind) ? kind : ''
    const episode = this.#kinds.get(known) ?? new Episode()
    this.#kinds.set(known, episode)
    return episode.begins(now)
  }
}
