import { randomInt } from 'node:crypto'
import { lowerCase } from './bytes.ts'
import { HEADER_SIZE } from './header.ts'
import type { Question } from './question.ts'

/** Questions come from strangers: with a seed of the process's own, collisions cannot be prepared. */
const seed = randomInt(2 ** 31)

const CASE_BITS = 0x20202020

/**
 * A hash of a question (name but for ASCII case, type, class) and of `variant` (0 … 255: what else
 * tells answers apart, such as DO and CD). 32 bits, signed; differs from process to process.
 */
export function hashQuestion(b: Uint8Array, q: Question, variant: number): number {
  const { end } = q
  let h = seed ^ variant
  let i = HEADER_SIZE
  // Four octets a step. Bit 5 tells a letter's case; setting it in every octet makes no more than a
  // few unlikely names collide.
  for (; i + 3 < end; i += 4) {
    const word = b[i]! | (b[i + 1]! << 8) | (b[i + 2]! << 16) | (b[i + 3]! << 24)
    h = Math.imul(h ^ (word | CASE_BITS), 0x5bd1e995)
    h ^= h >>> 15
  }
  for (; i < end; i++) h = Math.imul(h ^ (b[i]! | 0x20), 0x5bd1e995)
  return h ^ (h >>> 13)
}

/** Octets that `writeKey` takes for a question: 5 … 259. */
export function keySize(q: Question): number {
  return q.end - HEADER_SIZE
}

/** Writes the question with its name in lower case to `out[at…)`. */
export function writeKey(out: Uint8Array, at: number, b: Uint8Array, q: Question): void {
  const shift = at - HEADER_SIZE
  for (let i = HEADER_SIZE; i < q.nameEnd; i++) out[i + shift] = lowerCase[b[i]!]!
  for (let i = q.nameEnd; i < q.end; i++) out[i + shift] = b[i]!
}

/** Whether `key[at…)`, as `writeKey` wrote it for a question of the same size, is this question. */
export function matchesKey(key: Uint8Array, at: number, b: Uint8Array, q: Question): boolean {
  const shift = at - HEADER_SIZE
  for (let i = HEADER_SIZE; i < q.nameEnd; i++) {
    const octet = b[i]!
    const stored = key[i + shift]
    if (stored !== octet && stored !== lowerCase[octet]) return false
  }
  for (let i = q.nameEnd; i < q.end; i++) if (key[i + shift] !== b[i]) return false
  return true
}
