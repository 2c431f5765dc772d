/**
 * A time-out that lets answers come first: where the event loop was held up, what has arrived meanwhile is read
 * before it fires, as a resolver that sleeps in poll() has it.
 */
export class Deadline {
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  /** Calls `expired` after `ms` milliseconds, unless it is set anew or cleared before. */
  set(ms: number, expired: () => void): void {
    this.clear()
    this.#timer = setTimeout(() => {
      this.#immediate = setImmediate(expired)
    }, ms)
  }

  clear(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
  }
}
