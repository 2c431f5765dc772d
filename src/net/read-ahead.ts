import { copyBytes } from '../lib/bytes.ts'
import { clientPlace } from '../serve/client-place.ts'
import type { Query } from '../serve/query.ts'
import { MOST_RECEIVED } from './receive-vector.ts'

/** Datagrams kept for all sockets together. */
const PLACES = 1024
/** Octets of one: a name of 255 octets, OPT and a cookie. What is longer is served as it is read. */
const LENGTH = 320
/** Octets of a client's socket address. */
const CLIENT = 28
/** Counters of clients. Who shares one with somebody who has much here waits as he does. */
const COUNTERS = 1024
/** Queries of one client that are served at once in a turn: a pod looks up some names, each along its search list. */
const FEW = 16

/** Copies of datagrams. Octets by index: no view of each. */
interface Room {
  readonly wires: Buffer
  readonly clients: Buffer
  readonly lengths: Uint16Array
  /** What the one is served from that was taken out last. */
  readonly wire: Buffer
  readonly client: Buffer
}

/**
 * What lies behind a queue that is longer than a turn. Reading a query costs a tenth of serving it, so all of
 * them are read, those of clients with few are served, and the others wait here and are served in slices.
 * A client's own stay in their order.
 *
 *     kernel ─▶ who has few, and none here ─▶ served
 *          └──▶ | 1 | 2 | 3 | … first come, first served
 *
 * There is one for the process, which one socket has at a time. It takes memory at the first such queue.
 */
export class ReadAhead {
  /** Who has it; null while it is empty. */
  owner: object | null = null
  size = 0
  #room: Room | null = null
  #first = 0
  readonly #waiting = new Uint16Array(COUNTERS)
  readonly #served = new Uint16Array(COUNTERS)

  /** Whether another batch has room. @param read datagrams of this turn */
  takesMore(read: number): boolean {
    return read < PLACES && this.size + MOST_RECEIVED <= PLACES
  }

  /** Begins a turn of a socket. Returns false where another one has the room. */
  begin(owner: object): boolean {
    if (this.owner !== null && this.owner !== owner) return false
    this.owner = owner
    this.#served.fill(0)
    return true
  }

  /** Ends it. Who has nothing here does not keep the room. */
  end(): void {
    if (this.size === 0) this.owner = null
  }

  /**
   * Keeps a datagram, and copies it. Returns false where it is to be served now.
   * @param q of which `client` is known
   */
  keep(q: Query, wire: Buffer, length: number): boolean {
    const counter = clientPlace(q) % COUNTERS
    if (this.#waiting[counter] === 0 && this.#served[counter]! < FEW) {
      this.#served[counter]!++
      return false
    }
    if (length > LENGTH || this.size === PLACES) return false
    const room = (this.#room ??= newRoom())
    const at = (this.#first + this.size) % PLACES
    copyBytes(wire, 0, room.wires, at * LENGTH, length)
    room.lengths[at] = length
    copyBytes(q.client, 0, room.clients, at * CLIENT, CLIENT)
    this.#waiting[counter]!++
    this.size++
    return true
  }

  /** Takes the first one out, there has to be one. @param q gets it, borrowed until the next one is taken */
  take(q: Query, now: number): void {
    const room = this.#room!
    const at = this.#first
    const length = room.lengths[at]!
    copyBytes(room.wires, at * LENGTH, room.wire, 0, length)
    copyBytes(room.clients, at * CLIENT, room.client, 0, CLIENT)
    q.client = room.client
    q.reset(room.wire, length, now)
    this.#waiting[clientPlace(q) % COUNTERS]!--
    this.size--
    // From the start again where nothing is left: memory that was never written to is not there.
    this.#first = this.size === 0 ? 0 : (at + 1) % PLACES
  }

  /** Forgets what a socket has here. */
  leave(owner: object): void {
    if (this.owner !== owner) return
    this.#waiting.fill(0)
    this.size = 0
    this.#first = 0
    this.owner = null
  }
}

function newRoom(): Room {
  return {
    wires: Buffer.allocUnsafeSlow(PLACES * LENGTH),
    clients: Buffer.allocUnsafeSlow(PLACES * CLIENT),
    lengths: new Uint16Array(PLACES),
    wire: Buffer.allocUnsafeSlow(LENGTH),
    client: Buffer.allocUnsafeSlow(CLIENT),
  }
}

/** That of the process. */
export const readAhead: ReadAhead = new ReadAhead()
