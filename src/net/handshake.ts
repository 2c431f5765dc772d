import type { Socket } from 'node:net'
import { type Occupant, Place } from '../lib/places.ts'
import type { Secure } from '../lib/secure.ts'

/** A connection whose TLS handshake is under way: it has a place, and is the first to lose it. */
export class Handshake implements Occupant {
  readonly client: string
  readonly activeAt: number
  readonly busy: boolean = false
  readonly place: Place = new Place(this)
  readonly socket: Socket

  /** @param now when it began, in milliseconds of the listener's clock */
  constructor(socket: Socket, client: string, now: number) {
    this.socket = socket
    this.client = client
    this.activeAt = now
  }

  giveWay(): void {
    this.socket.destroy()
  }
}

/** The handshakes of a listener. */
export class Handshakes {
  readonly #underWay = new Set<Handshake>()

  get size(): number {
    return this.#underWay.size
  }

  /** Begins one; `done` is called as in `Secure`. */
  begin(handshake: Handshake, secure: Secure, done: (stream: Socket | null) => void): void {
    this.#underWay.add(handshake)
    secure.handshake(handshake.socket, (stream) => {
      this.#underWay.delete(handshake)
      done(stream)
    })
  }

  /** Cuts those that began at `since` or before, however much of them has come: a trickle is no progress. */
  cut(since: number): void {
    for (const handshake of this.#underWay) if (handshake.activeAt <= since) handshake.giveWay()
  }
}
