import { randomBytes } from 'node:crypto'

const STEPS = 2 ** 32
const SMALL = 2 ** 15

/**
 * Small numbers for a fair order, at a few nanoseconds each; nothing that must not be guessed. Marsaglia's
 * xorshift with 32 bits.
 */
export class Random {
  #state: number

  /** @param seed any number but 0 */
  constructor(seed: number = randomBytes(4).readUInt32LE() | 1) {
    this.#state = seed
  }

  /** A number of 0 … `limit` − 1. */
  below(limit: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    // Small integers alone, where they will do.
    if (limit <= SMALL) return ((x >>> 16) * limit) >>> 16
    return Math.floor(((x >>> 0) / STEPS) * limit)
  }
}
