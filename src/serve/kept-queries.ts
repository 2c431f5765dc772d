import { CLIENT_PLACES, clientPlace, type FromClient } from './client-place.ts'

/**
 * What one may cost: itself (1 KB), with a question of its own flight, errand and attempts (2 KB), and what
 * V8 needs to collect the one before it runs out.
 */
const BYTES_EACH = 4096
/** Room for those of a small outage there has to be, however many server blocks share the heap. */
const FEWEST = 1024
/** With a heap of 84 MiB and more: nothing behind this bound has to be ready for more. */
const MOST = 16_384
/** From this part of the bound on nobody who holds much is asked for twice. */
const CROWDED = 1 / 4
/** Who holds less than this part of what is free holds little. */
const LITTLE = 1 / 16
/** A crowd is over once it is below this part of the bound, and the next one is told of again. */
const OVER = 1 / 8

/** Told where a crowd begins, at the first query that was turned away. */
type CrowdBegins = (q: FromClient) => void

/**
 * The queries of clients that are kept until an answer comes, in the whole process: those that wait for
 * the same answer too. They are what an outage, or a flood of names that nobody answers, fills the heap
 * with.
 *
 * A client may hold as many as are free still. So one alone gets half of them, `n` that take what they
 * can an nth each, as much is left, and no share bites below half of the bound. Clients are told apart
 * by address (IPv6: /64).
 *
 *     | client A ███████████ | client B ███ | free                | bound
 *                 ▲ must be less than ────────────────▶
 */
export class KeptQueries {
  /** The bound; at least 1. */
  limit: number
  count = 0
  /** Queries that were not kept, for being too many. */
  turnedAway = 0
  /** The log's line: one for each crowd. */
  crowdBegins: CrowdBegins = () => {}
  readonly #held = new Uint16Array(CLIENT_PLACES)
  #told = false

  constructor(limit: number) {
    this.limit = limit
  }

  /** Whether one more of this client's may be kept; counted and told where not. */
  admits(q: FromClient): boolean {
    if (this.hasRoom(q)) return true
    this.turnedAway++
    if (!this.#told) {
      this.#told = true
      this.crowdBegins(q)
    }
    return false
  }

  /** Whether one more of this client's may be kept. */
  hasRoom(q: FromClient): boolean {
    const free = this.limit - this.count
    // Below half of the bound nobody can hold more than that.
    return free > this.count || this.#held[clientPlace(q)]! < free
  }

  /** Whether there are many, and this client is one of those who hold them: it is asked for once. */
  isCrowdedBy(q: FromClient): boolean {
    const { count, limit } = this
    return count > limit * CROWDED && this.#held[clientPlace(q)]! > (limit - count) * LITTLE
  }

  /** One is kept. Returns its client's place, to be given back with it. */
  take(q: FromClient): number {
    const place = clientPlace(q)
    this.count++
    this.#held[place]!++
    return place
  }

  /** It is kept no longer. */
  give(place: number): void {
    this.count--
    this.#held[place]!--
    if (this.#told && this.count < this.limit * OVER) this.#told = false
  }
}

/** The bound where the heap has so many bytes left for them. */
export function mostKept(bytes: number): number {
  return Math.max(FEWEST, Math.min(MOST, Math.floor(bytes / BYTES_EACH)))
}

/** Those of this process; who knows what else is in its heap sets the bound. */
export const keptQueries: KeptQueries = new KeptQueries(MOST)
