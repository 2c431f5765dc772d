import type { Socket } from 'node:net'

import type { Occupant } from '../lib/places.ts'

/** A connection whose TLS handshake is under way: it has a place, and is the first to lose it. */
export class Handshake implements Occupant {
  readonly client: string
  readonly activeAt: number
  readonly busy: boolean = false
  readonly #socket: Socket

  constructor(socket: Socket, client: string, now: number) {
    this.#socket = socket
    this.client = client
    this.activeAt = now
  }

  giveWay(): void {
    this.#socket.destroy()
  }
}
