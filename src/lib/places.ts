import { Link } from './ring.ts'

/** Who holds a place: a connection. */
export interface Occupant {
  /** Whose share it counts against; see `clientOf()`. */
  readonly client: string
  /** When it did something last, in milliseconds of a monotonic clock. */
  readonly activeAt: number
  /** Whether something is under way that it waits for. */
  readonly busy: boolean
  /** Where it stands among others: made with it, for one `Places` at a time. */
  readonly place: Place
  /** Its place is somebody else's: it ends now, and has left already. */
  giveWay(): void
}

/** Links of one occupant; the head of a ring has no place. */
class PlaceLink extends Link {
  readonly place: Place | null

  constructor(place: Place | null = null) {
    super()
    this.place = place
  }

  /** The first of the ring that begins here; null where there is none. */
  get first(): Place | null {
    return (this.next as PlaceLink).place
  }
}

/** A client, with its occupants in order of their last activity. */
class Share {
  readonly client: string
  count = 0
  readonly idle: PlaceLink = new PlaceLink()
  readonly busy: PlaceLink = new PlaceLink()

  constructor(client: string) {
    this.client = client
  }
}

/** An occupant's links, which serve one connection after another. */
export class Place {
  readonly occupant: Occupant
  readonly all: PlaceLink = new PlaceLink(this)
  readonly own: PlaceLink = new PlaceLink(this)
  /** Null while it has none. */
  share: Share | null = null
  busy = false
  activeAt = 0

  constructor(occupant: Occupant) {
    this.occupant = occupant
  }
}

/**
 * A bounded number of places of which a newcomer always gets one: where all are taken, the longest idle
 * gives way, as in unbound, so that neither silent clients nor busy ones keep others out.
 *
 *     who gives way: a client with more than half of the places? one of its own, else one of all
 *                    the longest idle; where all are busy, the heaviest client's that waits longest
 *
 * The newest is never chosen: who asks as soon as it is connected, as our own checks do, has its answer.
 *
 * Occupants stand in rings in order of their last activity, idle and busy ones apart, so that nobody is looked for:
 * a newcomer costs the same among a thousand as among three. Only where all are busy their clients are compared.
 */
export class Places<T extends Occupant> {
  readonly #limit: number
  readonly #idle = new PlaceLink()
  readonly #busy = new PlaceLink()
  /** Clients that have left too, until they are as many as there are places: the same ones come again. */
  readonly #shares = new Map<string, Share>()
  /** Who has more than half of the places. */
  #heavy: Share | null = null
  #size = 0

  /** @param limit places, 1 at least */
  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#size
  }

  /** Gives `newcomer` a place. Returns who gave way for it, null where there was room. */
  add(newcomer: T): T | null {
    const share = this.#shareOf(newcomer.client)
    const gone = this.#size >= this.#limit ? this.#longestIdle(share) : null
    if (gone !== null) {
      this.delete(gone)
      gone.giveWay()
    }
    const { place } = newcomer
    place.share = share
    this.#size++
    if (++share.count > this.#limit / 2) this.#heavy = share
    this.#queue(place, share)
    return gone
  }

  /** Gives a place back; nothing where `occupant` has none. */
  delete(occupant: T): void {
    const { place } = occupant
    const { share } = place
    if (share === null) return
    place.share = null
    place.all.leave()
    place.own.leave()
    this.#size--
    share.count--
    if (share === this.#heavy && share.count <= this.#limit / 2) this.#heavy = null
  }

  /** To be told when `busy` or `activeAt` has changed; nothing where `occupant` has no place. */
  touch(occupant: T): void {
    const { place } = occupant
    const { share } = place
    if (share === null) return
    if (place.activeAt === occupant.activeAt && place.busy === occupant.busy) return
    place.all.leave()
    place.own.leave()
    this.#queue(place, share)
  }

  #queue(place: Place, share: Share): void {
    const { activeAt, busy } = place.occupant
    place.activeAt = activeAt
    place.busy = busy
    const all = busy ? this.#busy : this.#idle
    const own = busy ? share.busy : share.idle
    all.append(place.all)
    own.append(place.own)
  }

  #shareOf(client: string): Share {
    let share = this.#shares.get(client)
    if (share !== undefined) return share
    if (this.#shares.size >= 2 * this.#limit) this.#forgetEmpty()
    this.#shares.set(client, (share = new Share(client)))
    return share
  }

  #forgetEmpty(): void {
    for (const [client, { count }] of this.#shares) if (count === 0) this.#shares.delete(client)
  }

  #longestIdle(newcomer: Share): T {
    // The newcomer is counted among its client's, but who has none yet has none to give.
    const exceeds = newcomer.count > 0 && newcomer.count + 1 > this.#limit / 2
    const heavy = exceeds ? newcomer : this.#heavy
    const idle = (heavy?.idle ?? this.#idle).first
    return (idle ?? (heavy ?? this.#heaviest(newcomer)).busy.first)!.occupant as T
  }

  /** The client with most places, the newcomer's counted. */
  #heaviest(newcomer: Share): Share {
    let heaviest = newcomer
    let most = newcomer.count === 0 ? 0 : newcomer.count + 1
    for (const share of this.#shares.values()) {
      if (share.count <= most) continue
      most = share.count
      heaviest = share
    }
    return heaviest
  }
}
