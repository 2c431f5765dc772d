import { questionEquals } from '../../wire/question.ts'
import type { CacheKey } from './cache-key.ts'
import type { Flight } from './flight.ts'

/** A power of two, a quarter of the flights there may be at once. */
const BUCKETS = 4096

/** The questions under way, found by key: flights in a hash table whose links are the flights' own. */
export class FlightTable {
  size = 0
  readonly #buckets: (Flight | null)[] = new Array<Flight | null>(BUCKETS).fill(null)

  find(key: CacheKey): Flight | null {
    let flight = this.#buckets[key.hash & (BUCKETS - 1)] ?? null
    while (flight !== null && !isSame(flight.key, key)) flight = flight.next
    return flight
  }

  /** Adds a flight whose key is not there yet. */
  add(flight: Flight): void {
    const bucket = flight.key.hash & (BUCKETS - 1)
    flight.next = this.#buckets[bucket] ?? null
    this.#buckets[bucket] = flight
    this.size++
  }

  /** Removes a flight that is there. */
  remove(flight: Flight): void {
    const bucket = flight.key.hash & (BUCKETS - 1)
    let before = this.#buckets[bucket] ?? null
    if (before === flight) this.#buckets[bucket] = flight.next
    else {
      while (before !== null && before.next !== flight) before = before.next
      if (before !== null) before.next = flight.next
    }
    flight.next = null
    this.size--
  }

  *[Symbol.iterator](): Generator<Flight> {
    for (const first of this.#buckets) {
      for (let flight = first; flight !== null; flight = flight.next) yield flight
    }
  }
}

function isSame(a: CacheKey, b: CacheKey): boolean {
  return (
    a.hash === b.hash &&
    a.variant === b.variant &&
    questionEquals(a.wire, a.question, b.wire, b.question)
  )
}
