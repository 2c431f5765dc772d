import type { Recorder } from './recorder.ts'

/** What puts a server under load; for one run, turn by turn. */
export interface Load {
  /** Begins requests for `ms` milliseconds; resolves once all have ended, or at `stop()`. */
  turn(ms: number, recorder: Recorder): Promise<void>
  /** Begins nothing more and gives up what is under way, if a turn is: it ends. Returns how much that was. */
  stop(): number
  /** Requests of an open loop that nobody was free for when they were due. */
  readonly unsent: number
  close(): void
}

/** How requests follow each other. */
export interface Pace {
  /** Requests under way at most. */
  readonly concurrency: number
  /** Requests a second that are due, whatever the answers do; null: the next when one has ended. */
  readonly rate: number | null
}

/** What the load's own timer may be late by, ms: beyond it a latency counts from when the request was due. */
export const OWN_DELAY_MS = 2

/** Seconds since the start of the whole. */
export class Origin {
  readonly #start: number = performance.now()

  at(now: number): number {
    return (now - this.#start) / 1000
  }
}
