/** A number of bytes that several holders share. Who is over it evicts from what it holds itself. */
export class ByteBudget {
  /** Bytes that may be held; at least 0. */
  limit: number
  used = 0

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
}
