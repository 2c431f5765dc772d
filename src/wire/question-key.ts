import { randomBytes } from 'node:crypto'
import { lowerCase } from './bytes.ts'
import { HEADER_SIZE } from './header.ts'
import type { Question } from './question.ts'

/** What a hash depends on beside the question: 64 bits that nobody else may know. */
export interface HashKey {
  readonly low: number
  readonly high: number
}

/** Questions come from strangers: with a key of the process's own, collisions cannot be prepared. */
const secret = randomBytes(8)
const processKey: HashKey = { low: secret.readInt32LE(0), high: secret.readInt32LE(4) }

/** Rounds after the last word; one follows each word. */
const FINAL_ROUNDS = 3

/**
 * A hash of a question (name but for ASCII case, type, class) and of `variant` (0 … 255: what else
 * tells answers apart, such as DO and CD): 32 bits, signed, different from process to process.
 *
 * HalfSipHash-1-3, as Linux has it for hash tables, over words of four octets: the name in lower case,
 * its last one filled up with zeros and the variant, then type and class. No two questions have the same
 * words, since no name is the beginning of another; what of them collides, only the key tells.
 */
export function hashQuestion(
  b: Uint8Array,
  q: Question,
  variant: number,
  key: HashKey = processKey,
): number {
  const { nameEnd } = q
  let v0 = key.low
  let v1 = key.high
  let v2 = key.low ^ 0x6c796765
  let v3 = key.high ^ 0x74656462
  const whole = nameEnd - 3
  let i = HEADER_SIZE
  for (; i < whole; i += 4) {
    const word = fold(b[i]! | (b[i + 1]! << 8) | (b[i + 2]! << 16) | (b[i + 3]! << 24))
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  let word = 0
  for (let shift = 0; i < nameEnd; i++, shift += 8) word |= b[i]! << shift
  word = fold(word) | (variant << 24)
  for (let left = FINAL_ROUNDS + 2; left > 0; left--) {
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
    word = 0
    if (left === FINAL_ROUNDS + 2) word = (q.type << 16) | q.class
    else if (left === FINAL_ROUNDS + 1) v2 ^= 0xff
  }
  return v1 ^ v3
}

/** Four octets with the ASCII letters among them in lower case, all at once. */
function fold(word: number): number {
  const low = word & 0x7f7f7f7f
  // Bit 7 of each octet: at least 'A', and beyond 'Z'.
  const upper = (low + 0x3f3f3f3f) & ~(low + 0x25252525) & ~word & 0x80808080
  return word | (upper >>> 2)
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
