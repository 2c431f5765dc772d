import type { Clock } from '../lib/clock.ts'
import { Episodes } from '../lib/episode.ts'

/** Why an upstream is not trusted, from the reason until it answers. */
export class Distrust {
  /** Null where it is trusted, as far as is known. */
  reason: string | null = null
  readonly #clock: Clock
  readonly #episodes = new Episodes()
  readonly #told: (reason: string) => void

  /** @param told of each reason for the first time in a minute */
  constructor(clock: Clock, told: (reason: string) => void) {
    this.#clock = clock
    this.#told = told
  }

  begin(reason: string): void {
    this.reason = reason
    if (this.#episodes.begins(reason, this.#clock.now)) this.#told(reason)
  }

  end(): void {
    this.reason = null
  }
}
