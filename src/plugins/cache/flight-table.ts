import { questionEquals } from '../../wire/question.ts'
import type { CacheKey } from './cache-key.ts'
import type { Flight } from './flight.ts'

/** A power of two; from there on there are at least as many buckets as flights. */
const MIN_BUCKETS = 4
/** More buckets than this are given back when nothing is under way any more. */
const KEPT_BUCKETS = 1024
/** Flights looked at for a key: of a fair hash a chain never gets that long, see `slot-chains.ts`. */
const MAX_STEPS = 16

/**
 * The questions under way, found by key: flights in a hash table whose links are the flights' own. One
 * that lies deeper than MAX_STEPS in its chain is not found, so its question is asked once more.
 */
export class FlightTable {
  size = 0
  #buckets: (Flight | null)[] = emptyBuckets(MIN_BUCKETS)
  readonly #onCrowd: () => void

  /** @param onCrowd told where a look-up gave up because its chain is too long */
  constructor(onCrowd: () => void = () => {}) {
    this.#onCrowd = onCrowd
  }

  find(key: CacheKey): Flight | null {
    let flight = this.#buckets[key.hash & (this.#buckets.length - 1)] ?? null
    for (let left = MAX_STEPS; flight !== null; left--, flight = flight.next) {
      if (left === 0) {
        this.#onCrowd()
        return null
      }
      if (isSame(flight.key, key)) return flight
    }
    return null
  }

  /** Adds a flight whose key `find` has not found. */
  add(flight: Flight): void {
    if (this.size === this.#buckets.length) this.#resize(2 * this.size)
    this.#link(flight)
    this.size++
  }

  /** Removes a flight that is there. */
  remove(flight: Flight): void {
    const { next, previous } = flight
    if (next !== null) next.previous = previous
    if (previous !== null) previous.next = next
    else this.#buckets[flight.key.hash & (this.#buckets.length - 1)] = next
    flight.next = flight.previous = null
    this.size--
    if (this.size === 0 && this.#buckets.length > KEPT_BUCKETS) {
      this.#buckets = emptyBuckets(MIN_BUCKETS)
    }
  }

  *[Symbol.iterator](): Generator<Flight> {
    for (const first of this.#buckets) {
      for (let flight = first; flight !== null; flight = flight.next) yield flight
    }
  }

  #link(flight: Flight): void {
    const bucket = flight.key.hash & (this.#buckets.length - 1)
    const head = this.#buckets[bucket] ?? null
    flight.next = head
    flight.previous = null
    if (head !== null) head.previous = flight
    this.#buckets[bucket] = flight
  }

  #resize(buckets: number): void {
    const flights = [...this]
    this.#buckets = emptyBuckets(buckets)
    for (const flight of flights) this.#link(flight)
  }
}

function emptyBuckets(count: number): (Flight | null)[] {
  return new Array<Flight | null>(count).fill(null)
}

function isSame(a: CacheKey, b: CacheKey): boolean {
  return (
    a.hash === b.hash &&
    a.variant === b.variant &&
    questionEquals(a.wire, a.question, b.wire, b.question)
  )
}
