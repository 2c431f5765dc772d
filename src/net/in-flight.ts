/** Counts queries taken and not yet answered or dropped, for a socket that closes gracefully. */
export class InFlight {
  count = 0
  #settled: (() => void) | null = null

  add(): void {
    this.count++
  }

  done(): void {
    this.count--
    if (this.count === 0 && this.#settled !== null) this.#settled()
  }

  /** Resolves once nothing is in flight, after `graceMs` milliseconds at the latest; less than 0 is no time. */
  settle(graceMs: number): Promise<void> {
    if (this.count === 0) return Promise.resolve()
    return new Promise((resolve) => {
      // Of a negative time Node says on standard error that it is none.
      const timer = setTimeout(resolve, Math.max(graceMs, 0))
      this.#settled = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
