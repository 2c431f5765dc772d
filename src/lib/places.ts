/** Who holds a place: a connection. */
export interface Occupant {
  /** Whose share it counts against; see `clientOf()`. */
  readonly client: string
  /** When it did something last, in milliseconds of a monotonic clock. */
  readonly activeAt: number
  /** Whether something is under way that it waits for. */
  readonly busy: boolean
  /** Its place is somebody else's: it ends now, and has left already. */
  giveWay(): void
}

/**
 * A bounded number of places of which a newcomer always gets one: where all are taken, the longest idle
 * gives way, as in unbound, so that neither silent clients nor busy ones keep others out.
 *
 *     who gives way: a client with more than half of the places? one of its own, else one of all
 *                    the longest idle; where all are busy, the heaviest client's that waits longest
 *
 * The newest is never chosen: who asks as soon as it is connected, as our own checks do, has its answer.
 */
export class Places<T extends Occupant> {
  readonly #limit: number
  /** Who has one place, as most do, needs no set. */
  readonly #byClient = new Map<string, T | Set<T>>()
  #size = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#size
  }

  /** Gives `newcomer` a place. Returns who gave way for it, null where there was room. */
  add(newcomer: T): T | null {
    const gone = this.#size >= this.#limit ? this.#longestIdle(newcomer.client) : null
    if (gone !== null) this.#evict(gone)
    const own = this.#byClient.get(newcomer.client)
    if (own instanceof Set) own.add(newcomer)
    else
      this.#byClient.set(newcomer.client, own === undefined ? newcomer : new Set([own, newcomer]))
    this.#size++
    return gone
  }

  /** Gives a place back; nothing where `occupant` has none. */
  delete(occupant: T): void {
    const own = this.#byClient.get(occupant.client)
    if (own instanceof Set ? !own.delete(occupant) : own !== occupant) return
    this.#size--
    if (!(own instanceof Set) || own.size === 0) this.#byClient.delete(occupant.client)
  }

  /**
   * Ends what holds most octets of the client that holds most; null where nobody holds any.
   *
   * @param held octets that an occupant makes us hold
   */
  freeOctets(held: (occupant: T) => number): T | null {
    let most = 0
    let largest: T | null = null
    for (const own of this.#byClient.values()) {
      let sum = 0
      let top: T | null = null
      let topHeld = -1
      for (const one of each(own)) {
        const octets = held(one)
        sum += octets
        if (octets <= topHeld) continue
        top = one
        topHeld = octets
      }
      if (sum <= most) continue
      most = sum
      largest = top
    }
    if (largest !== null) this.#evict(largest)
    return largest
  }

  #evict(occupant: T): void {
    this.delete(occupant)
    occupant.giveWay()
  }

  #longestIdle(newcomer: string): T | null {
    const [heaviest, count] = this.#heaviest(newcomer)
    const held = this.#byClient.get(heaviest)
    const own = held === undefined ? [] : each(held)
    let idle: T | null = null
    if (count > this.#limit / 2) idle = oldest(own, false)
    else for (const other of this.#byClient.values()) idle = older(idle, oldest(each(other), false))
    return idle ?? oldest(own, true)
  }

  /** The client with most places, the newcomer's counted, and how many those are. */
  #heaviest(newcomer: string): [client: string, count: number] {
    let heaviest = newcomer
    const own = sizeOf(this.#byClient.get(newcomer))
    // Who has none yet has none to give.
    let most = own === 0 ? 0 : own + 1
    for (const [client, held] of this.#byClient) {
      const size = sizeOf(held)
      if (size <= most) continue
      most = size
      heaviest = client
    }
    return [heaviest, most]
  }
}

function each<T>(own: T | Set<T>): Iterable<T> {
  return own instanceof Set ? own : [own]
}

function sizeOf<T>(own: T | Set<T> | undefined): number {
  if (own === undefined) return 0
  return own instanceof Set ? own.size : 1
}

function oldest<T extends Occupant>(among: Iterable<T>, evenBusy: boolean): T | null {
  let found: T | null = null
  for (const one of among) if (evenBusy || !one.busy) found = older(found, one)
  return found
}

function older<T extends Occupant>(a: T | null, b: T | null): T | null {
  return a === null || (b !== null && b.activeAt < a.activeAt) ? b : a
}
