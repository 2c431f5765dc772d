import { write32 } from './bytes.ts'
import { readTtl, type Records } from './records.ts'

/** The longest TTL there is, in seconds (RFC 2181 §8). */
export const MAX_TTL = 0x7fffffff

/**
 * Lowers every TTL of a scanned message to at most `maxTtl` seconds, and those with the top bit set to
 * 0; OPT is left alone.
 */
export function capTtls(b: Uint8Array, records: Records, maxTtl: number): void {
  for (let i = 0; i < records.count; i++) {
    if (i === records.optAt) continue
    const at = records.ttlAt[i]!
    write32(b, at, Math.min(readTtl(b, at), maxTtl))
  }
}
