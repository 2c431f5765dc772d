/** Holds bytes of a budget, and gives some of them up where another one needs them more. */
export interface ByteHolder {
  /** Bytes of the budget that it holds now. */
  readonly bytes: number
  /** Those of them that it can do without best. */
  readonly spare: number
  /**
   * Gives up something, in a time that does not grow with what it holds; mostly of what is spare where `spare`
   * says so and it has any. False where it holds nothing.
   */
  giveUp(spare: boolean): boolean
}

/** What is spare goes first while it is more than this part of all that is held. */
const SPARE = 1 / 5

/**
 * A number of bytes that several holders share. Who takes bytes for itself alone (`take`, `give`) sees to it that
 * it stays below the limit. Those that say who they are (`note`) make room for each other (`makeRoom`): whoever
 * holds most gives up, so that what comes in masses displaces itself, and not the little that others hold.
 */
export class ByteBudget {
  /** Bytes that may be held; at least 0. Who lowers it calls `trim()` until there is nothing to do. */
  limit: number
  used = 0
  #spare = 0
  readonly #holders = new Set<ByteHolder>()
  /** Who had most, and most to spare, as of the last bytes that came; it may have less by now. */
  #largest: ByteHolder | null = null
  #sparest: ByteHolder | null = null

  constructor(limit: number) {
    this.limit = limit
  }

  take(bytes: number): void {
    this.used += bytes
  }

  give(bytes: number): void {
    this.used -= bytes
  }

  /** True where twice the limit is exceeded. */
  get isFarExceeded(): boolean {
    return this.used > 2 * this.limit
  }

  /** True where `bytes` more would exceed the limit. */
  wouldExceed(bytes: number): boolean {
    return this.used + bytes > this.limit
  }

  /** `holder`, whose own figures say so already, has so many bytes more, and so many more to spare; or fewer. */
  note(holder: ByteHolder, bytes: number, spare: number): void {
    this.used += bytes
    this.#spare += spare
    if (holder.bytes === 0) this.#holders.delete(holder)
    else if (holder.bytes === bytes) this.#holders.add(holder)
    if (holder.bytes > (this.#largest?.bytes ?? 0)) this.#largest = holder
    if (holder.spare > (this.#sparest?.spare ?? 0)) this.#sparest = holder
  }

  /**
   * Makes room for `bytes` more. False where the limit is lower than that, or holders that give nothing up have
   * the room. Beyond a limit that was lowered, as much is given up as is wanted.
   */
  makeRoom(bytes: number): boolean {
    if (!this.wouldExceed(bytes)) return true
    if (bytes > this.limit) return false
    const most = Math.max(this.limit, this.used)
    while (this.used + bytes > most) if (!this.#giveUp()) return false
    return true
  }

  /** Gives up a little of what is beyond the limit: `count` things at most. Returns whether there is more. */
  trim(count: number): boolean {
    for (let i = 0; i < count && this.used > this.limit; i++) if (!this.#giveUp()) return false
    return this.used > this.limit
  }

  #giveUp(): boolean {
    const spare = this.#spare > SPARE * this.used
    return this.#whoGives(spare)?.giveUp(spare) ?? false
  }

  #whoGives(spare: boolean): ByteHolder | null {
    const amount = spare ? 'spare' : 'bytes'
    const known = spare ? this.#sparest : this.#largest
    if (known !== null && known[amount] > 0) return known
    let most: ByteHolder | null = null
    for (const holder of this.#holders) if (holder[amount] > (most?.[amount] ?? 0)) most = holder
    if (spare) this.#sparest = most
    else this.#largest = most
    return most
  }
}
