/** What an evaluation may still do: an element looked at or made, or a character made, is one unit. */
export class Budget {
  static readonly UNITS = 100_000
  #left = Budget.UNITS

  refill(): void {
    this.#left = Budget.UNITS
  }

  /** Throws where it is used up: an expression meets names that strangers choose. */
  spend(units: number): void {
    this.#left -= units
    if (!(this.#left >= 0)) throw new Error('memory budget exceeded')
  }
}
