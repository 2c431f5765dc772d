import { randomFillSync } from 'node:crypto'

/** Drawn in bulk: one call into the system's generator for 1,024 ids. */
const drawn = new Uint16Array(1024)
let left = 0

/** An unpredictable 16-bit number: message ids and port choices that nobody can guess (RFC 5452). */
export function random16(): number {
  if (left === 0) {
    randomFillSync(drawn)
    left = drawn.length
  }
  return drawn[--left]!
}
