import type { Carrier, Exchange } from './exchange.ts'
import type { Shares } from './shares.ts'

/** More than this many queries do not wait for one upstream. */
const CAPACITY = 16_384
/** Places of those who have left are given back in one go. */
const TIDY = 64

/**
 * Exchanges that wait until a socket can carry them, oldest first.
 *
 *     list  [ · ][ · ][ c ][ - ][ e ]        · taken    - abandoned
 *                      ↑ first               ticket of e: 4 + tickets before the list
 */
export class WaitingList implements Carrier {
  #list: (Exchange | null)[] = []
  #first = 0
  /** Ticket of the list's first place: those before it were cut off. */
  #base = 0
  /** Exchanges in the list: those abandoned leave a hole, which does not count. */
  size = 0

  get full(): boolean {
    return this.#list.length - this.#first >= CAPACITY
  }

  /** @param now clock time, from which the wait counts */
  add(x: Exchange, now: number): void {
    x.ticket = this.#base + this.#list.push(x) - 1
    x.carrier = this
    x.sentAt = 0
    x.queuedAt = now
    this.size++
  }

  /** The one that has waited longest, or null. */
  first(): Exchange | null {
    while (this.#first < this.#list.length) {
      const x = this.#list[this.#first]!
      if (x !== null) return x
      this.#first++
    }
    return null
  }

  /** The one that came after `x`, which is in the list, or null. */
  after({ ticket }: Exchange): Exchange | null {
    for (let i = ticket - this.#base + 1; i < this.#list.length; i++) {
      const x = this.#list[i]!
      if (x !== null) return x
    }
    return null
  }

  cancel(x: Exchange): void {
    this.#list[x.ticket - this.#base] = null
    x.carrier = null
    this.size--
    if (this.size === 0) this.#clear()
    else if (this.#first > TIDY && 2 * this.#first > this.#list.length) this.#tidy()
  }

  /** Those who wait, oldest first. */
  all(): Exchange[] {
    return this.#list.filter((x) => x !== null)
  }

  /** Empties the list: what is handed on may well come back into it. */
  takeAll(): Exchange[] {
    const all = this.all()
    for (const x of all) x.carrier = null
    this.#clear()
    this.size = 0
    return all
  }

  /** Takes those out who have waited since `before` or longer. */
  takeOlder(before: number): Exchange[] {
    const older = this.all().filter(({ queuedAt }) => queuedAt <= before)
    for (const x of older) this.cancel(x)
    return older
  }

  #clear(): void {
    this.#base += this.#list.length
    this.#list = []
    this.#first = 0
  }

  #tidy(): void {
    this.#list.splice(0, this.#first)
    this.#base += this.#first
    this.#first = 0
  }
}

/** Those who wait for a connection: crowds (see `Shares`) in a line of their own, behind all others. */
export class WaitingLines {
  readonly others: WaitingList = new WaitingList()
  readonly crowds: WaitingList = new WaitingList()
  readonly #shares: Shares

  constructor(shares: Shares) {
    this.#shares = shares
  }

  get size(): number {
    return this.others.size + this.crowds.size
  }

  get full(): boolean {
    return this.others.full || this.crowds.full
  }

  /** @param now clock time, from which the wait counts */
  add(x: Exchange, now: number): void {
    const line = this.#shares.isCrowd(x) ? this.crowds : this.others
    line.add(x, now)
  }

  /** Who is before `x`, or null. */
  before(x: Exchange): Exchange | null {
    return this.others.first() ?? (this.#shares.isCrowd(x) ? this.crowds.first() : null)
  }

  /** Sends those back to their line who have become crowds. */
  sort(): void {
    for (let x = this.others.first(), next = x; x !== null; x = next) {
      next = this.others.after(x)
      if (!this.#shares.isCrowd(x)) continue
      this.others.cancel(x)
      this.crowds.add(x, x.queuedAt)
    }
  }

  /** Takes those out of both lines who have waited since `before` (clock time) or longer. */
  takeOlder(before: number): Exchange[] {
    return [...this.others.takeOlder(before), ...this.crowds.takeOlder(before)]
  }

  /** Empties both lines: what is handed on may well come back. */
  takeAll(): Exchange[] {
    return [...this.others.takeAll(), ...this.crowds.takeAll()]
  }
}
