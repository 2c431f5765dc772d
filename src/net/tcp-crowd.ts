import { ByteBudget } from '../lib/byte-budget.ts'
import type { Clock } from '../lib/clock.ts'
import { Episode } from '../lib/episode.ts'
import type { Log } from '../lib/log.ts'
import { Places } from '../lib/places.ts'
import type { ClientConnection } from './tcp-shared.ts'

/** Octets of answers that all connections of the process may hold before they read less, or twice that at most. */
export const unsent: ByteBudget = new ByteBudget(16 * 2 ** 20)
/** Octets of queries that all connections of the process may hold; beyond, the one that holds most ends. */
export const waiting: ByteBudget = new ByteBudget(8 * 2 ** 20)
/** All connections of the process: who makes it hold most may be another listener's. */
export const everyone: Places<ClientConnection> = new Places(Infinity)

/** Ends connections where all of the process hold too much, and says so in its listener's log. */
export class Crowd {
  readonly #clock: Clock
  readonly #log: Log | null
  readonly #overfilled = new Episode()
  readonly #unreadBy = new Episode()

  /** @param log null: nothing is said */
  constructor(clock: Clock, log: Log | null) {
    this.#clock = clock
    this.#log = log
  }

  /** Ends connections of who makes us hold most, until what is held is within its limit. */
  readonly overfull = (): void => {
    while (waiting.wouldExceed(0)) {
      const gone = everyone.freeOctets(({ held }) => held)
      if (gone === null) return
      if (!this.#overfilled.begins(this.#clock.now)) continue
      const limit = `${waiting.limit / 2 ** 20} MiB`
      this.#log?.warning(
        `Unserved TCP queries take up ${limit}: connections that hold most are cut, ` +
          `first one of ${gone.client}`,
      )
    }
  }

  /** The same for who does not read answers, from twice their limit on. */
  readonly unread = (): void => {
    while (unsent.isFarExceeded) {
      const gone = everyone.freeOctets((one) => one.unsent)
      if (gone === null) return
      if (!this.#unreadBy.begins(this.#clock.now)) continue
      this.#log?.warning(
        `Answers that TCP clients do not read take up ${unsent.limit / 2 ** 19} MiB: connections ` +
          `that hold most are cut, first one of ${gone.client}`,
      )
    }
  }
}
