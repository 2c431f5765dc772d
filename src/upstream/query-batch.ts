import { copyBytes } from '../lib/bytes.ts'
import { write16 } from '../wire/bytes.ts'
import type { Exchange } from './exchange.ts'
import { LENGTH_SIZE, MAX_QUERY_SIZE, querySize, writeQuery } from './query-writer.ts'

/** Octets of room: for most connections one query at a time is all there is, a busy one has many. */
const SMALL = 512
const LARGE = 8192

/** The queries of one tick, each with its length in front, that leave in one write. */
export class QueryBatch {
  #bytes: Buffer = Buffer.allocUnsafeSlow(SMALL)
  #end = 0

  get isEmpty(): boolean {
    return this.#end === 0
  }

  /** False where the batch is full, and must be taken before another query finds room. */
  makeRoom(): boolean {
    if (this.#end + LENGTH_SIZE + MAX_QUERY_SIZE <= this.#bytes.length) return true
    if (this.#bytes.length === LARGE) return false
    const large = Buffer.allocUnsafeSlow(LARGE)
    copyBytes(this.#bytes, 0, large, 0, this.#end)
    this.#bytes = large
    return true
  }

  /** Adds the query of `x`. Only where there is room. */
  add(x: Exchange): void {
    write16(this.#bytes, this.#end, querySize(x))
    this.#end = writeQuery(this.#bytes, this.#end + LENGTH_SIZE, x)
  }

  /** What was collected, leaving nothing. Valid until the next `add()`, or for good after `yield()`. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#end)
    this.#end = 0
    return taken
  }

  /** Leaves the octets taken last to whoever still needs them. */
  yield(): void {
    this.#bytes = Buffer.allocUnsafeSlow(this.#bytes.length)
  }
}
