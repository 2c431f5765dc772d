import type { Exchange } from './exchange.ts'
import type { Shares } from './shares.ts'
import { WaitingList } from './waiting-list.ts'

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
      this.others.abandon(x)
      this.crowds.add(x, x.queuedAt)
    }
  }

  /** Empties both lines: whoever is handed on may well come back. */
  takeAll(): Exchange[] {
    return [...this.others.takeAll(), ...this.crowds.takeAll()]
  }
}
