import { write32 } from './bytes.ts'
import { readTtl, type Records } from './records.ts'

/**
 * Takes `elapsedSeconds` off the TTLs at `offsets[from..from + count)`, never going below 0.
 * The offsets must not include that of an OPT record, whose TTL field holds flags.
 */
export function ageTtls(
  out: Uint8Array,
  offsets: Uint16Array,
  from: number,
  count: number,
  elapsedSeconds: number,
): void {
  const end = from + count
  for (let i = from; i < end; i++) {
    const at = offsets[i]!
    const ttl = readTtl(out, at)
    write32(out, at, ttl > elapsedSeconds ? ttl - elapsedSeconds : 0)
  }
}

/** Sets the TTLs at `offsets[from..from + count)` to `ttl` seconds (stale answers, RFC 8767 §4). */
export function setTtls(
  out: Uint8Array,
  offsets: Uint16Array,
  from: number,
  count: number,
  ttl: number,
): void {
  const end = from + count
  for (let i = from; i < end; i++) write32(out, offsets[i]!, ttl)
}

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
