import { ByteBudget } from '../lib/byte-budget.ts'
import type { Clock } from '../lib/clock.ts'
import { Episode } from '../lib/episode.ts'
import type { Log } from '../lib/log.ts'
import type { Roster } from '../lib/roster.ts'
import type { ClientConnection } from './tcp-shared.ts'

/** Octets of answers that all connections of the process may hold before they read less, or twice that at most. */
export const unsent: ByteBudget = new ByteBudget(16 * 2 ** 20)
/** Octets of queries that all connections of the process may hold; beyond, the one that holds most ends. */
export const waiting: ByteBudget = new ByteBudget(8 * 2 ** 20)
/** The connections of each listener of the process: who makes it hold most may be another's. */
export const everyone: Set<Roster<ClientConnection>> = new Set()

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
      const gone = endLargest(({ held }) => held)
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
      const gone = endLargest((one) => one.unsent)
      if (gone === null) return
      if (!this.#unreadBy.begins(this.#clock.now)) continue
      this.#log?.warning(
        `Answers that TCP clients do not read take up ${unsent.limit / 2 ** 19} MiB: connections ` +
          `that hold most are cut, first one of ${gone.client}`,
      )
    }
  }
}

interface Sum {
  octets: number
  largest: ClientConnection
}

/**
 * Ends what holds most octets of the client that holds most; null where nobody holds any.
 *
 * @param held octets that a connection makes us hold
 */
function endLargest(held: (connection: ClientConnection) => number): ClientConnection | null {
  const byClient = new Map<string, Sum>()
  for (const roster of everyone) {
    roster.each((one) => {
      const octets = held(one)
      if (octets === 0) return
      const sum = byClient.get(one.client)
      if (sum === undefined) {
        byClient.set(one.client, { octets, largest: one })
        return
      }
      sum.octets += octets
      if (octets > held(sum.largest)) sum.largest = one
    })
  }
  let heaviest: Sum | null = null
  for (const sum of byClient.values()) {
    if (heaviest === null || sum.octets > heaviest.octets) heaviest = sum
  }
  heaviest?.largest.giveWay()
  return heaviest?.largest ?? null
}
