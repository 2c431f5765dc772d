import { MOST_RECEIVED } from './receive-vector.ts'

/** Fewer where these take long, for all that was read has to be served. */
const LEAST = 8
/** A batch that takes longer is followed by one of half as many. */
const BATCH_MS = 4

/** How many datagrams a socket reads and serves without a look at the clock. */
export class BatchSize {
  count: number = MOST_RECEIVED

  /** Whether serving is quick, as far as is known. */
  get isFull(): boolean {
    return this.count === MOST_RECEIVED
  }

  /** Makes the next one smaller where the last one took long, else larger. Returns its end, in ms as its start. */
  took(start: number, end: number): number {
    if (end - start <= BATCH_MS) this.count = Math.min(2 * this.count, MOST_RECEIVED)
    else this.count = Math.max(this.count >>> 1, LEAST)
    return end
  }

  reset(): void {
    this.count = MOST_RECEIVED
  }
}
