import type { Carrier, Exchange } from './exchange.ts'

/** More than this many queries do not wait for one upstream. */
const CAPACITY = 16_384

/** Exchanges that wait until a socket can carry them, oldest first. */
export class WaitingList implements Carrier {
  #list: (Exchange | null)[] = []
  /** Exchanges in the list: those abandoned leave a hole, which does not count. */
  size = 0

  get full(): boolean {
    return this.#list.length >= CAPACITY
  }

  add(x: Exchange): void {
    x.ticket = this.#list.push(x) - 1
    x.carrier = this
    x.sentAt = 0
    this.size++
  }

  abandon(x: Exchange): void {
    this.#list[x.ticket] = null
    x.carrier = null
    if (--this.size === 0) this.#list = []
  }

  /** Empties the list: whoever is handed on may well come back into it. */
  takeAll(): Exchange[] {
    const all: Exchange[] = []
    for (const x of this.#list) if (x !== null) all.push(x)
    for (const x of all) x.carrier = null
    this.#list = []
    this.size = 0
    return all
  }
}
