/**
 * Big-endian integers in a message, and ASCII case. Offsets must lie inside the buffer: callers
 * check bounds once per record or name, not once per byte.
 */

export function read16(b: Uint8Array, at: number): number {
  return (b[at]! << 8) | b[at + 1]!
}

export function write16(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 8
  b[at + 1] = value
}

/** Unsigned, 0 … 2³²−1. */
export function read32(b: Uint8Array, at: number): number {
  return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0
}

export function write32(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 24
  b[at + 1] = value >>> 16
  b[at + 2] = value >>> 8
  b[at + 3] = value
}

/**
 * Each byte with A–Z folded to a–z (RFC 4343: DNS names fold ASCII and nothing else). Label lengths
 * are at most 63 and 'A' is 65, so whole names can be folded without looking at their structure.
 */
export const lowerCase: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte,
)
